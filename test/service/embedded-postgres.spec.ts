import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/index.ts';
import {
  holdPostgres,
  processesIn,
  query,
  temporaryFolder,
  until,
} from '../support/postgres-process.ts';

const socketFolderOf = (url: string): string => decodeURIComponent(new URL(url).hostname);

const socketFolder = (name: string): string => join(tmpdir(), `playhead-socket-${name}`);

describe('the embedded Postgres', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await temporaryFolder();
  });
  afterEach(async () => {
    expect(processesIn(dataDir)).toEqual([]);
    await rm(dataDir, { recursive: true });
  });

  it('keeps what was written over a stop and leaves no process and no socket', async () => {
    const first = await startEmbeddedPostgres({ dataDir });
    await query(first.url, 'create table kept as select 7 as number');
    await first.stop();
    expect(processesIn(dataDir)).toEqual([]);
    expect(existsSync(socketFolderOf(first.url))).toBe(false);

    const second = await startEmbeddedPostgres({ dataDir });
    expect(await query(second.url, 'select number from kept')).toEqual([{ number: 7 }]);
    await second.stop();
  });

  it('is durable, listens on no network and knows letters without the system locales', async () => {
    const postgres = await startEmbeddedPostgres({ dataDir });
    const [row] = await query(
      postgres.url,
      `select current_setting('fsync') as fsync,
              current_setting('synchronous_commit') as synchronous_commit,
              current_setting('listen_addresses') as addresses,
              datlocprovider as provider, datlocale as locale, 'ÄÖ' ilike 'äö' as folds
         from pg_database where datname = current_database()`,
    );
    expect(row).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      addresses: '',
      provider: 'b',
      locale: 'C.UTF-8',
      folds: true,
    });
    await postgres.stop();
  });

  it('takes no other than the right password when it listens on TCP', async () => {
    const postgres = await startEmbeddedPostgres({ dataDir, transport: 'tcp' });
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    const wrong = new URL(postgres.url);
    expect(wrong.hostname).toBe('127.0.0.1');
    wrong.password = 'guess';
    await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
    await postgres.stop();
  });

  it('works below a path that is far too long for a socket, with spaces and umlauts', async () => {
    const deep = join(dataDir, 'a folder "with" späces', 'x'.repeat(200), 'y'.repeat(200));
    const holder = holdPostgres(deep);
    await holder.url;
    await holder.end('SIGKILL');
    const postgres = await startEmbeddedPostgres({ dataDir: deep });
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await postgres.stop();
  });

  it('survives a Ctrl-C meant for the process that holds it', async () => {
    const holder = holdPostgres(dataDir);
    const url = await holder.url;
    process.kill(-holder.pid, 'SIGINT');
    await query(url, 'select pg_sleep(0.3)');
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await holder.end('SIGTERM');
  });

  it('clears away the socket folders of starts that were killed, and no other', async () => {
    const folders = ['old', 'new', 'used'].map((name) => socketFolder(`${name}-${process.pid}`));
    const [old, recent, used] = folders as [string, string, string];
    for (const folder of folders) await mkdir(folder);
    await writeFile(join(used, '.s.PGSQL.5432'), '');
    for (const folder of [old, used]) await utimes(folder, 0, 0);
    await (await startEmbeddedPostgres({ dataDir })).stop();
    expect(folders.map((folder) => existsSync(folder))).toEqual([false, true, true]);
    for (const folder of [recent, used]) await rm(folder, { recursive: true });
  });

  it('stops although clients are in the middle of something', async () => {
    const postgres = await startEmbeddedPostgres({ dataDir });
    const sleeping = query(postgres.url, 'select pg_sleep(60)').catch((error: Error) => error);
    await until(async () => {
      const busy = `select from pg_stat_activity where query like 'select pg_sleep%'`;
      return (await query(postgres.url, busy)).length > 0;
    });
    await Promise.all([postgres.stop(), postgres.stop()]);
    expect(await sleeping).toBeInstanceOf(Error);
  });

  it('says so when the server ends by itself', async () => {
    let reason: string | undefined;
    const onCrash = (words: string): void => void (reason = words);
    const postgres = await startEmbeddedPostgres({ dataDir, onCrash });
    const [postmaster] = processesIn(dataDir);
    process.kill(postmaster!, 'SIGKILL');
    await until(() => reason !== undefined);
    await postgres.stop();
  });

  it('says why Postgres refused, and can be started once the reason is gone', async () => {
    await (await startEmbeddedPostgres({ dataDir })).stop();
    const settings = join(dataDir, 'postgres/postgresql.auto.conf');
    await writeFile(settings, "shared_preload_libraries = 'no_such_library'\n");
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(
      /Postgres did not start: FATAL: .*no_such_library/,
    );
    await writeFile(settings, '');
    await (await startEmbeddedPostgres({ dataDir })).stop();
    expect(await readdir(dataDir)).toEqual([expect.stringMatching(/^lock\.\d+$/), 'postgres']);
  });
});
