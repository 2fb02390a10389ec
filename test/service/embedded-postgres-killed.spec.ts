import { spawn } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/index.ts';
import {
  holdPostgres,
  processesIn,
  query,
  temporaryFolder,
  until,
} from '../support/postgres-process.ts';

const postmasterIn = async (dataDir: string): Promise<number> =>
  Number.parseInt(await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10);

const socketFolderOf = (url: string): string => decodeURIComponent(new URL(url).hostname);

describe('the embedded Postgres after a kill -9', () => {
  let prepared: string;
  let dataDir: string;
  beforeAll(async () => {
    prepared = await temporaryFolder();
    await (await startEmbeddedPostgres({ dataDir: prepared })).stop();
  });
  afterAll(() => rm(prepared, { recursive: true }));
  beforeEach(async () => {
    dataDir = await temporaryFolder();
    // A copy takes a tenth of the time of a new one.
    await cp(join(prepared, 'postgres'), join(dataDir, 'postgres'), { recursive: true });
  });
  afterEach(async () => {
    expect(processesIn(dataDir)).toEqual([]);
    await rm(dataDir, { recursive: true });
  });

  /** Starts it once more, answers what it holds, stops it. */
  const startAgain = async (statement = 'select 1 as number'): Promise<unknown[]> => {
    const postgres = await startEmbeddedPostgres({ dataDir });
    try {
      return await query(postgres.url, statement);
    } finally {
      await postgres.stop();
    }
  };

  /** A stopped cluster in which `postmaster.pid` is left behind with this first line. */
  const leavePidFile = async (firstLine: string): Promise<void> => {
    const holder = holdPostgres(dataDir);
    await holder.url;
    const file = join(dataDir, 'postgres/postmaster.pid');
    const [, ...rest] = (await readFile(file, 'utf8')).split('\n');
    await holder.end('SIGTERM');
    await writeFile(file, [firstLine, ...rest].join('\n'));
  };

  it('takes over from a server whose parent was killed, with every row', async () => {
    const holder = holdPostgres(dataDir);
    const url = await holder.url;
    await query(url, 'create table kept as select generate_series(1, 1000) as number');
    await holder.end('SIGKILL');
    const orphan = await postmasterIn(dataDir);
    expect(processesIn(dataDir)).toContain(orphan);

    expect(await startAgain('select count(*)::int as number from kept')).toEqual([
      { number: 1000 },
    ]);
    expect(processesIn(dataDir)).not.toContain(orphan);
    await expect(readdir(socketFolderOf(url))).rejects.toThrow('ENOENT');
  });

  it('takes over from an orphan that has a client in a transaction', async () => {
    const holder = holdPostgres(dataDir);
    const url = await holder.url;
    await query(url, 'create table kept (number int)');
    const open = query(url, 'begin; insert into kept values (1); select pg_sleep(60)');
    const cut = expect(open).rejects.toThrow();
    await until(
      async () =>
        (await query(url, `select from pg_locks where relation = 'kept'::regclass`)).length > 0,
    );
    await holder.end('SIGKILL');
    expect(await startAgain('select number from kept')).toEqual([]);
    await cut;
  });

  it('recovers when the server was killed too and a backend of it is still busy', async () => {
    const holder = holdPostgres(dataDir);
    const url = await holder.url;
    await query(url, 'create table kept as select 7 as number');
    // Counting, it does not notice that its server is gone.
    const busy = query(url, 'select count(*) from generate_series(1, 4e6)');
    const cut = busy.catch(() => undefined);
    const counting = `select from pg_stat_activity where query like '%generate_series(1, 4e6)'`;
    await until(async () => (await query(url, counting)).length > 0);
    process.kill(await postmasterIn(dataDir), 'SIGKILL');
    await holder.end('SIGKILL');
    expect(await startAgain('select number from kept')).toEqual([{ number: 7 }]);
    await cut;
  });

  it('stops an orphan whose data folder was renamed under it', async () => {
    const before = join(dataDir, 'before');
    await mkdir(before);
    await rename(join(dataDir, 'postgres'), join(before, 'postgres'));
    const holder = holdPostgres(before);
    await query(await holder.url, 'create table kept as select 7 as number');
    await holder.end('SIGKILL');
    const orphan = await postmasterIn(before);
    await rename(before, join(dataDir, 'after'));
    const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'after') });
    expect(processesIn(dataDir)).not.toContain(orphan);
    expect(await query(postgres.url, 'select number from kept')).toEqual([{ number: 7 }]);
    await postgres.stop();
  });

  it.each(['', 'nonsense', '0', '-5', '999999999'])(
    'starts when the pid file left behind says %p',
    async (firstLine) => {
      await leavePidFile(firstLine);
      await startAgain();
    },
  );

  it('starts when the pid in the file is a stranger by now, and leaves it alone', async () => {
    const stranger = spawn('sleep', ['60']);
    await leavePidFile(String(stranger.pid));
    await startAgain();
    expect(stranger.kill(0)).toBe(true);
    stranger.kill('SIGKILL');
  });

  it('leaves a Postgres alone that works in another folder', async () => {
    const other = await temporaryFolder();
    const neighbour = await startEmbeddedPostgres({ dataDir: other });
    try {
      await leavePidFile(String(await postmasterIn(other)));
      await startAgain();
      expect(await query(neighbour.url, 'select 1 as number')).toEqual([{ number: 1 }]);
    } finally {
      await neighbour.stop();
      await rm(other, { recursive: true });
    }
  });

  it('makes the cluster again when the first attempt was killed in the middle', async () => {
    await rm(join(dataDir, 'postgres'), { recursive: true });
    const holder = holdPostgres(dataDir);
    const isHalfMade = async (): Promise<boolean> => {
      const draft = (await readdir(dataDir)).find((name) => /^postgres-new-.{6}$/.test(name));
      return draft !== undefined && (await readdir(join(dataDir, draft))).includes('base');
    };
    await until(isHalfMade);
    await holder.end('SIGKILL');
    expect(await readdir(dataDir)).not.toContain('postgres');
    await startAgain();
    expect(await readdir(dataDir)).toEqual([expect.stringMatching(/^lock\.\d+$/), 'postgres']);
  });

  it('keeps a cluster that Postgres cannot start from under another name', async () => {
    await rm(join(dataDir, 'postgres'), { recursive: true });
    await mkdir(join(dataDir, 'postgres/base'), { recursive: true });
    await writeFile(join(dataDir, 'postgres/base/somebody'), 'wrote this');
    await startAgain();
    const kept = (await readdir(dataDir)).find((name) => name.startsWith('postgres-unusable-'));
    expect(await readFile(join(dataDir, kept!, 'base/somebody'), 'utf8')).toBe('wrote this');
  });

  it('starts after kills at any moment, with all that was confirmed', async () => {
    await startAgain('create table kept (number int)');
    const confirmed: number[] = [];
    const rounds = 12;
    for (let round = 0; round <= rounds; round += 1) {
      const holder = holdPostgres(dataDir);
      const written = holder.url
        .then((url) => query(url, `insert into kept values (${round})`))
        .then(() => confirmed.push(round))
        .catch(() => undefined);
      // The last one is killed after its row was confirmed.
      await (round < rounds ? sleep(round * 60) : written);
      await holder.end('SIGKILL');
      await written;
    }
    const rows = (await startAgain('select number from kept')) as { number: number }[];
    expect(rows.map(({ number }) => number)).toEqual(expect.arrayContaining(confirmed));
    expect(confirmed).toContain(rounds);
  });
});
