import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { migrations } from '../../migrations/index.ts';
import { migrate, openDatabase } from '../../src/startup/database.ts';
import { chooseRunAs, run } from '../../src/embedded-postgres/run-as.ts';
import { claimLogLocation } from '../../src/startup/log-location.ts';
import { commandsUnder, runCommands } from '../support/documented-commands.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { query, temporaryFolder, until } from '../support/postgres-process.ts';
import { toolsFolder } from '../support/postgres-tools.ts';

/** What a service does at its start: whether it found a copy, and the epoch it goes on with. */
async function starts(url: string, folder = ''): Promise<{ isCopy: boolean; epoch: string }> {
  const database = await open(url);
  try {
    const isCopy = await claimLogLocation(database, folder);
    const [row] = await database.query<{ epoch: string }[]>('select epoch from log_identity');
    return { isCopy, epoch: row?.epoch ?? '' };
  } finally {
    await database.destroy();
  }
}

const open = (url: string): Promise<DataSource> =>
  openDatabase(url, { entities: [], migrations, poolSize: 2 });

describe('a log', () => {
  let database: TestDatabase;
  let epoch: string;
  beforeEach(async () => {
    database = await freshDatabase();
    ({ epoch } = await starts(database.url));
  });
  afterEach(() => database.drop());

  it('keeps its epoch where it lies, however often a service starts', async () => {
    expect(await starts(database.url)).toEqual({ isCopy: false, epoch });
    await query(database.url, 'vacuum full log_identity');
    expect(await starts(database.url)).toEqual({ isCopy: false, epoch });
  });

  it('has a new epoch in a copy of its database, and the old one where it was', async () => {
    const copy = await freshDatabase(new URL(database.url).pathname.slice(1));
    const copied = await starts(copy.url);
    expect(copied.isCopy).toBe(true);
    expect(copied.epoch).not.toBe(epoch);
    expect(await starts(copy.url)).toEqual({ ...copied, isCopy: false });
    expect(await starts(database.url)).toEqual({ isCopy: false, epoch });
    await copy.drop();
  });

  it('has one new epoch when several services start on the copy at once', async () => {
    const copy = await freshDatabase(new URL(database.url).pathname.slice(1));
    const all = await Promise.all([1, 2, 3, 4].map(() => starts(copy.url)));
    expect(all.filter(({ isCopy }) => isCopy)).toHaveLength(1);
    expect(new Set(all.map((one) => one.epoch)).size).toBe(1);
    expect(all[0]?.epoch).not.toBe(epoch);
    await copy.drop();
  });

  it('has a new epoch when its tables are restored over those that were there', async () => {
    await query(
      database.url,
      `create table restored (like log_identity including all);
       insert into restored select * from log_identity;
       drop table log_identity;
       alter table restored rename to log_identity`,
    );
    expect((await starts(database.url)).epoch).not.toBe(epoch);
  });

  it('has a new epoch in another folder', async () => {
    const first = await starts(database.url, 'a');
    expect(await starts(database.url, 'a')).toEqual({ isCopy: false, epoch: first.epoch });
    expect(await starts(database.url, 'b')).toMatchObject({ isCopy: true });
  });

  it('takes its own checkpoints along, and no others', async () => {
    await query(
      database.url,
      `insert into checkpoints (name, version, epoch, position)
       values ('own', 1, '${epoch}', '1'), ('other', 1, 'another', '2')`,
    );
    const { epoch: next } = await starts(database.url, 'elsewhere');
    const found = await query(database.url, 'select name, epoch, position from checkpoints');
    expect(new Set(found)).toEqual(
      new Set([
        { name: 'own', epoch: next, position: '1' },
        { name: 'other', epoch: 'another', position: '2' },
      ]),
    );
  });

  (toolsFolder ? it : it.skip)('has a new epoch after the step of docs/operate.md', async () => {
    const [forget] = commandsUnder('What is true afterwards');
    const env = { PATH: `${toolsFolder}:${process.env.PATH}`, DATABASE_URL: database.url };
    await runCommands(forget, { cwd: '/', env });
    expect((await starts(database.url)).epoch).not.toBe(epoch);
  });
});

(toolsFolder ? it : it.skip)('a log has a new epoch after recovery from an archive', async () => {
  const folder = await temporaryFolder();
  const cluster = join(folder, 'cluster');
  await mkdir(cluster, { mode: 0o700 });
  const as = chooseRunAs(cluster);
  const execute = async (program: string, ...args: string[]): Promise<void> => {
    const child = run(as, join(toolsFolder ?? '', program), ['-D', cluster, ...args], 'ignore');
    expect([program, await once(child, 'exit')]).toEqual([program, [0, null]]);
  };
  await execute('initdb', '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C');
  await appendFile(
    join(cluster, 'postgresql.conf'),
    `listen_addresses = ''\nunix_socket_directories = '${cluster}'\nrestore_command = 'false'\n`,
  );
  await execute('pg_ctl', '-w', 'start');
  const url = `postgres://postgres@${encodeURIComponent(cluster)}:5432/postgres`;
  const database = await open(url);
  await migrate(database);
  await database.destroy();
  const { epoch } = await starts(url);
  await execute('pg_ctl', '-w', 'restart');
  expect(await starts(url)).toEqual({ isCopy: false, epoch });
  await execute('pg_ctl', '-w', 'stop');
  await writeFile(join(cluster, 'recovery.signal'), '');
  await execute('pg_ctl', '-w', 'start');
  await until(async () => {
    const [row] = await query<{ over: boolean }>(url, 'select not pg_is_in_recovery() as over');
    return row?.over === true;
  });
  const recovered = await starts(url);
  expect(recovered.isCopy).toBe(true);
  expect(recovered.epoch).not.toBe(epoch);
  await query(url, 'checkpoint');
  expect(await starts(url)).toEqual({ isCopy: false, epoch: recovered.epoch });
  await execute('pg_ctl', '-w', 'stop');
  await rm(folder, { recursive: true });
});
