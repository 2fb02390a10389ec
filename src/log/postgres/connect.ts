import pg from 'pg';
import { PostgresClient, type PostgresClientConfig } from '../../postgres/client.ts';
import { HEAD_CHANNEL } from './head-notifier.ts';
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
const bounded = (options: PostgresLogOptions): PostgresClientConfig => ({
  ...settings(options),
  statement_timeout: options.statementTimeoutMs,
  answerTimeoutMs: options.statementTimeoutMs + 1_000,
});

/** A connection that answers batches in the order they were sent, without waiting between them. */
export async function connectWriter(options: PostgresLogOptions): Promise<pg.Client> {
  const client = new PostgresClient({
    ...settings(options),
    pipeline: true,
    // A batch may have to wait for the one sent before it.
    answerTimeoutMs: 2 * options.statementTimeoutMs + 1_000,
  });
  // As statements: parameters in the connection string would win over ours.
  return connected(
    client,
    `set synchronous_commit = on;
     set statement_timeout = ${options.statementTimeoutMs};
     set default_transaction_isolation = 'read committed';
     set jit = off`,
  );
}

/**
 * A page must cost the same wherever it lies in a stream. Without statistics, as in a young table,
 * the planner takes a bitmap of the whole rest of the stream and sorts it; the index is in order.
 */
const inIndexOrder = 'set enable_bitmapscan = off';

/** Pools wait for what this answers, though their types do not say so. */
const prepareReader = (client: pg.ClientBase): unknown => client.query(inIndexOrder);

/** A connection that is notified of new events and reads them. */
export const connectFollower = (options: PostgresLogOptions): Promise<pg.Client> =>
  connected(new PostgresClient(bounded(options)), `${inIndexOrder}; listen ${HEAD_CHANNEL}`);

async function connected(client: pg.Client, first: string): Promise<pg.Client> {
  // Whoever asks gets the error of a cut connection; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(first);
    return client;
  } catch (fault) {
    cut(client);
    throw fault;
  }
}

/** Cuts a connection at once, whatever it is doing. */
export const cut = (client: pg.Client): void => {
  client.connection.stream.destroy();
};

/** Connections for short statements; one that was cut is replaced when the next asks. */
export function openPool(options: PostgresLogOptions, max: number): pg.Pool {
  const pool = new pg.Pool({
    ...bounded(options),
    Client: PostgresClient,
    max,
    onConnect: prepareReader,
  });
  pool.on('error', () => undefined);
  return pool;
}
