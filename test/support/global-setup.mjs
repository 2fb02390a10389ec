import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { build } from '../../scripts/build.mjs';
import teardown from './global-teardown.mjs';

const prefix = 'playhead-test-';

/**
 * One Postgres for the whole run, with a migrated database that tests clone. Its own, unless
 * `PLAYHEAD_TEST_POSTGRES` is the address of one that may be used up, with a superuser.
 */
export default async function setup() {
  await build();
  if (process.env.PLAYHEAD_TEST_POSTGRES) return useGiven(process.env.PLAYHEAD_TEST_POSTGRES);
  await removeKilledRuns();
  const { startEmbeddedPostgres } = await import('../../dist/src/embedded-postgres/index.js');
  const dataDir = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  const postgres = await startEmbeddedPostgres({ dataDir });
  globalThis.playheadTestPostgres = { postgres, dataDir };
  // jest tears nothing down when this fails.
  await migrateTemplate(postgres.url).catch(async (error) => {
    await teardown();
    throw error;
  });
  process.env.PLAYHEAD_TEST_POSTGRES = postgres.url;
}

/** A template of an earlier run may be of another version. */
const useGiven = async (url) => {
  const server = new pg.Client({ connectionString: url });
  await server.connect();
  await server.query('drop database if exists playhead with (force)');
  await server.query('create database playhead');
  await server.end();
  await migrateTemplate(Object.assign(new URL(url), { pathname: '/playhead' }).href);
};

/** The database `playhead` itself is the template; nobody stays connected to it. */
const migrateTemplate = async (url) => {
  const { openDatabase, migrate } = await import('../../dist/src/startup/database.js');
  const { migrations } = await import('../../dist/migrations/index.js');
  const template = await openDatabase(url, { entities: [], migrations, poolSize: 2 });
  await migrate(template);
  await template.destroy();
};

/** A run that was killed left its Postgres running. */
const removeKilledRuns = async () => {
  const { stopOrphan } = await import('../../dist/src/embedded-postgres/orphan.js');
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(prefix));
  for (const name of names.filter((name) => !isRunning(Number(name.split('-')[2])))) {
    await stopOrphan(join(tmpdir(), name, 'postgres'));
    await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
};

const isRunning = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};
