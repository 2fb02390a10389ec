import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** A database of one test's own. */
export interface TestDatabase {
  readonly url: string;
  /** Removes it, cutting the connections that are left. */
  drop(): Promise<void>;
}

/** The test run's server. Its database `playhead` is migrated and only ever cloned. */
const serverUrl = (): URL => {
  const url = process.env.PLAYHEAD_TEST_POSTGRES;
  if (url === undefined) throw new Error('the test run has no Postgres: see global-setup.mjs');
  return new URL(url);
};

const urlOf = (database: string): string => {
  const url = serverUrl();
  url.pathname = `/${database}`;
  return url.href;
};

const execute = async (statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: urlOf('postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
};

const create = async (template: string): Promise<TestDatabase> => {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await execute(`create database ${name} template ${template}`);
  return { url: urlOf(name), drop: () => execute(`drop database if exists ${name} with (force)`) };
};

/** A clone of the migrated database, or of another one, made in milliseconds. */
export const freshDatabase = (template = 'playhead'): Promise<TestDatabase> => create(template);

/** A database in which no migration has run. */
export const emptyDatabase = (): Promise<TestDatabase> => create('template0');
