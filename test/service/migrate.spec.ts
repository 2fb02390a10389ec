import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { migrations as ownMigrations } from '../../migrations/index.ts';
import { migrate, openDatabase, POSTGRES_MAJOR_MIN } from '../../src/startup/database.ts';
import { chooseRunAs, run } from '../../src/embedded-postgres/run-as.ts';
import { startServer } from '../../src/embedded-postgres/server.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';
import { query, temporaryFolder } from '../support/postgres-process.ts';

type Migration = new () => MigrationInterface;

const nothing = async (): Promise<void> => undefined;

/** Slow enough for another service to come in between. */
class MakesTable1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create table ran (step int)');
    await runner.query('select pg_sleep(0.3)');
    await runner.query('insert into ran values (1)');
  }
  down = nothing;
}

class AddsRow1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('insert into ran values (2)');
  }
  down = nothing;
}

class Fails1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('insert into ran values (3)');
    await runner.query('select 1 / 0');
  }
  down = nothing;
}

/** An index built beside live traffic waits for every older snapshot of the database. */
class BuildsIndex1700000000004 implements MigrationInterface {
  transaction = false;
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('select pg_sleep(0.3)');
    await runner.query('create index concurrently ran_step on ran (step)');
  }
  down = nothing;
}

describe('migrating', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await emptyDatabase();
  });
  afterEach(() => database.drop());

  /** What a service does at its start; with one connection, so that none is taken for the lock. */
  const serviceStarts = async (migrations: Migration[]): Promise<void> => {
    const options = { entities: [], migrations, poolSize: 1 };
    const dataSource = await openDatabase(database.url, options);
    try {
      await migrate(dataSource);
    } finally {
      await dataSource.destroy();
    }
  };

  const steps = async (): Promise<number[]> =>
    (await query<{ step: number }>(database.url, 'select step from ran')).map(({ step }) => step);

  it('happens once when several services start at once', async () => {
    const starts = Array.from({ length: 4 }, () =>
      serviceStarts([MakesTable1700000000001, AddsRow1700000000002]),
    );
    await Promise.all(starts);
    expect(await steps()).toEqual([1, 2]);
    await serviceStarts([MakesTable1700000000001, AddsRow1700000000002]);
    expect(await steps()).toEqual([1, 2]);
  });

  it('does not wait for ever when one builds an index and another wants to migrate', async () => {
    const list = [MakesTable1700000000001, BuildsIndex1700000000004];
    await Promise.all([serviceStarts(list), serviceStarts(list)]);
    expect(await query(database.url, `select 'ran_step'::regclass`)).toHaveLength(1);
  });

  it('keeps nothing of a step that fails, and goes on from there when it is mended', async () => {
    const broken = [MakesTable1700000000001, AddsRow1700000000002, Fails1700000000003];
    await expect(serviceStarts(broken)).rejects.toThrow('division by zero');
    expect(await steps()).toEqual([1, 2]);
    await serviceStarts([...broken.slice(0, 2), BuildsIndex1700000000004]);
    expect(await steps()).toEqual([1, 2]);
  });

  it('brings an empty database to today in two services at once', async () => {
    await Promise.all([serviceStarts(ownMigrations), serviceStarts(ownMigrations)]);
    const rows = await query<{ name: string }>(database.url, 'select name from migrations');
    expect(rows.map(({ name }) => name)).toEqual(ownMigrations.map(({ name }) => name));
  });
});

describe('opening a database', () => {
  const options = { entities: [], migrations: ownMigrations, poolSize: 2 };

  it('refuses a Postgres that is too old and says which it needs', async () => {
    const database = await emptyDatabase();
    // No older server is at hand, so this one says that it is: its own function is found first.
    await query(
      database.url,
      `create schema old;
       create function old.current_setting(name text) returns text language sql as $$
         select case name when 'server_version_num' then '140012' else '14.12' end $$;
       do $$ begin execute format(
         'alter database %I set search_path = old, pg_catalog', current_database()); end $$`,
    );
    await expect(openDatabase(database.url, options)).rejects.toThrow(
      `Postgres 14.12 is too old: Playhead needs version ${POSTGRES_MAJOR_MIN} or newer`,
    );
    const open = `select from pg_stat_activity where application_name = 'playhead'
                     and datname = current_database()`;
    expect(await query(database.url, open)).toEqual([]);
    await database.drop();
  });

  it('fails when nobody answers there', async () => {
    const nowhere = 'postgres://postgres@127.0.0.1:1/playhead';
    await expect(openDatabase(nowhere, options)).rejects.toThrow('ECONNREFUSED');
  });

  const oldest = `/usr/lib/postgresql/${POSTGRES_MAJOR_MIN}/bin`;
  const withOldest = existsSync(join(oldest, 'postgres')) ? it : it.skip;
  withOldest('works with the least version of Postgres that it accepts', async () => {
    const folder = await temporaryFolder();
    const cluster = join(folder, 'cluster');
    await mkdir(cluster, { mode: 0o700 });
    const as = chooseRunAs(cluster);
    const args = ['-D', cluster, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
    const [code] = await once(run(as, join(oldest, 'initdb'), args, 'ignore'), 'close');
    expect(code).toBe(0);
    const binaries = { postgres: join(oldest, 'postgres'), initdb: join(oldest, 'initdb') };
    const [onLog, onCrash] = [() => undefined, () => undefined];
    const server = await startServer({
      ...{ cluster, binaries, as, transport: 'socket' },
      ...{ onLog, onCrash },
    });
    const dataSource = await openDatabase(server.url('postgres'), options);
    await migrate(dataSource);
    const [row] = await dataSource.query<{ version: string }[]>('show server_version');
    expect(row).toEqual({ server_version: expect.stringMatching(`^${POSTGRES_MAJOR_MIN}\\.`) });
    await dataSource.destroy();
    await server.stop();
    await rm(folder, { recursive: true });
  });
});
