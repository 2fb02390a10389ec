import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrations } from '../../migrations/index.ts';
import { migrate, openDatabase } from '../../src/startup/database.ts';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/index.ts';

/** A database of one run's own. */
export interface BenchDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A Postgres for the benches, with the settings that the service starts its own with. */
export interface BenchPostgres {
  freshDatabase(): Promise<BenchDatabase>;
  stop(): Promise<void>;
}

/** Starts it on a temporary folder. */
export async function startBenchPostgres(): Promise<BenchPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'playhead-bench-'));
  const postgres = await startEmbeddedPostgres({ dataDir });
  let made = 0;
  return {
    async freshDatabase() {
      made += 1;
      const name = `bench_${made}`;
      await execute(postgres.url, `create database ${name}`);
      const url = Object.assign(new URL(postgres.url), { pathname: `/${name}` }).href;
      const dataSource = await openDatabase(url, { entities: [], migrations, poolSize: 2 });
      await migrate(dataSource);
      await dataSource.destroy();
      return { url, drop: () => execute(postgres.url, `drop database ${name} with (force)`) };
    },
    async stop() {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
