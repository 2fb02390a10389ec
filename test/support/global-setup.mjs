import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../../scripts/build.mjs';

/** One Postgres for the whole run, with a migrated database that tests clone. */
export default async function setup() {
  await build();
  const { startEmbeddedPostgres } = await import('../../dist/src/embedded-postgres/index.js');
  const dataDir = await mkdtemp(join(tmpdir(), 'playhead-test-'));
  const postgres = await startEmbeddedPostgres({ dataDir });
  globalThis.playheadTestPostgres = { postgres, dataDir };
  await migrateTemplate(postgres.url);
  process.env.PLAYHEAD_TEST_POSTGRES = postgres.url;
}

/** The database `playhead` itself is the template; nobody stays connected to it. */
const migrateTemplate = async (url) => {
  const { openDatabase, migrate } = await import('../../dist/src/database.js');
  const { migrations } = await import('../../dist/migrations/index.js');
  const template = await openDatabase(url, { entities: [], migrations, poolSize: 2 });
  await migrate(template);
  await template.destroy();
};
