import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions, type Logger } from 'typeorm';
import { PostgresClient } from '../postgres/client.ts';

/** The least major version of Postgres that Playhead runs on. */
export const POSTGRES_MAJOR_MIN = 15;

/** What one service needs of its database. */
export interface DatabaseOptions {
  readonly entities: DataSourceOptions['entities'];
  readonly migrations: DataSourceOptions['migrations'];
  /** Connections this process holds at most. */
  readonly poolSize: number;
}

/**
 * Connects to the Postgres at `url`. Changes nothing in it: see `migrate`. Throws when it does not
 * answer or is older than `POSTGRES_MAJOR_MIN`.
 */
export const openDatabase = async (url: string, options: DatabaseOptions): Promise<DataSource> => {
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    ...options,
    synchronize: false,
    applicationName: 'playhead',
    connectTimeoutMS: connectTimeoutMs,
    extra: {
      Client: PostgresClient,
      // A connection that is cut in the instant it is made has nobody listening to it yet, and an
      // error that nobody listens to ends the process. Whoever uses it next gets the error anyway.
      onConnect: (client: pg.Client) => void client.on('error', () => undefined),
    },
    // Errors are thrown to whoever asked; TypeORM would print statements with their values, and a
    // migration that fails whatever `logging` says.
    logger: silent,
  });
  await dataSource.initialize();
  try {
    await refuseOld(dataSource);
    return dataSource;
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
};

const ignore = (): void => undefined;
const silent: Logger = {
  logQuery: ignore,
  logQueryError: ignore,
  logQuerySlow: ignore,
  logSchemaBuild: ignore,
  logMigration: ignore,
  log: ignore,
};

const connectTimeoutMs = 10_000;

const refuseOld = async (dataSource: DataSource): Promise<void> => {
  const [row] = await dataSource.query<{ major: number; version: string }[]>(
    `select current_setting('server_version_num')::int / 10000 as major,
            current_setting('server_version') as version`,
  );
  if (row && row.major >= POSTGRES_MAJOR_MIN) return;
  throw new Error(
    `Postgres ${row?.version} is too old: Playhead needs version ${POSTGRES_MAJOR_MIN} or newer`,
  );
};

/** Any number; the same in every service that may share a database. */
const migrationLock = 7_529_343;
const lockPollMs = 50;

/**
 * Runs the migrations that have not run yet, each in its own transaction. Of several services that
 * start at once on one database one does it and the others wait.
 */
export const migrate = async (dataSource: DataSource): Promise<void> => {
  const { url } = dataSource.options as { url?: string };
  const client = new pg.Client({ connectionString: url });
  // When the server goes away the migration fails as well; here it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    // Asking again and again instead of waiting inside Postgres: a statement that waits holds a
    // snapshot, and an index built concurrently by the one who migrates would wait for it for ever.
    while (!(await tryLock(client))) await sleep(lockPollMs);
    await dataSource.runMigrations({ transaction: 'each' });
  } finally {
    // The lock belongs to this connection and ends with it.
    await client.end();
  }
};

const tryLock = async (client: pg.Client): Promise<boolean> => {
  const { rows } = await client.query<{ taken: boolean }>(
    'select pg_try_advisory_lock($1) as taken',
    [migrationLock],
  );
  return rows[0]?.taken === true;
};
