import pg from 'pg';
import type { PostgresLogOptions } from './options.ts';

/** Columns as the texts that Postgres sends. */
export const rawTypes: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text };

const settings = (options: PostgresLogOptions): pg.ClientConfig => ({
  connectionString: options.connectionString,
  application_name: 'playhead-log',
  keepAlive: true,
  connectionTimeoutMillis: options.statementTimeoutMs,
});

/** Bounds of one question, on the server and, for when the server is silent, here. */
const bounded = (options: PostgresLogOptions): pg.ClientConfig => ({
  ...settings(options),
  statement_timeout: options.statementTimeoutMs,
  query_timeout: options.statementTimeoutMs + 1_000,
});

/** A connection that answers batches in the order they were sent, without waiting between them. */
export async function connectWriter(options: PostgresLogOptions): Promise<pg.Client> {
  const client = new pg.Client({
    ...settings(options),
    pipeline: true,
    // A batch may have to wait for the one sent before it.
    query_timeout: 2 * options.statementTimeoutMs + 1_000,
  });
  // Whoever asks is told of a cut connection; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  // As statements: parameters in the connection string would win over ours.
  await client.query(`
    set synchronous_commit = on;
    set statement_timeout = ${options.statementTimeoutMs};
    set default_transaction_isolation = 'read committed';
    set jit = off`);
  return client;
}

/** Cuts a connection at once, whatever it is doing. */
export const cut = (client: pg.Client): void => {
  client.connection.stream.destroy();
};

/** Opens a connection that only waits for notifications. */
export async function connectFollower(options: PostgresLogOptions): Promise<pg.Client> {
  const client = new pg.Client(bounded(options));
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Connections for short statements; one that was cut is replaced when the next asks. */
export function openPool(options: PostgresLogOptions, max: number): pg.Pool {
  const pool = new pg.Pool({ ...bounded(options), max });
  pool.on('error', () => undefined);
  return pool;
}
