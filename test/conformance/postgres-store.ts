import pg from 'pg';
import { limits } from '../../src/config.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openPostgresLog, type PostgresLogOptions } from '../../src/log/postgres/index.ts';
import { freshDatabase } from '../support/database.ts';
import type { LogStore } from './log-under-test.ts';

export interface PostgresStore extends LogStore {
  readonly url: string;
  /** What open logs have warned of. */
  readonly warnings: string[];
  open(options?: Partial<PostgresLogOptions>): Promise<EventLog>;
  /** A connection of somebody else to the same database. */
  connect(): Promise<pg.Client>;
  cut(): Promise<void>;
}

const cutLogs = `
  select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'playhead-log'`;

/** A database of its own with the service's limits. */
export async function postgresStore(): Promise<PostgresStore> {
  const database = await freshDatabase();
  const { url } = database;
  const warnings: string[] = [];
  const others: pg.Client[] = [];
  const warn = (message: string, about: unknown): void => {
    warnings.push(`${message}: ${String(about)}`);
  };
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    others.push(client);
    return client;
  };
  const cut = async (): Promise<void> => {
    const client = await connect();
    await client.query(cutLogs);
    await client.end();
  };
  return {
    url,
    warnings,
    open: (options) => openPostgresLog({ connectionString: url, ...limits, warn, ...options }),
    connect,
    cut,
    async drop() {
      await Promise.all(others.map((client) => client.end()));
      await database.drop();
    },
  };
}
