import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { migrations } from '../../migrations/index.ts';
import { limits } from '../config.ts';
import { migrate, openDatabase } from '../startup/database.ts';
import { startEmbeddedPostgres } from '../embedded-postgres/index.ts';
import { PostgresAttachments } from '../attachments/postgres-attachments.ts';
import type { AttachmentStore } from '../attachments/attachment-store.ts';
import type { EventLog } from '../log/event-log.ts';
import { openPostgresLog } from '../log/postgres/index.ts';
import type { CleanupStack } from '../startup/cleanup-stack.ts';

/** How a log is opened. */
export interface StoreOptions {
  /** Of the log's streams in EventStoreDB. */
  readonly streamPrefix: string;
  /** Makes a log where there is none. */
  readonly isNewAllowed: boolean;
  readonly warn: (message: string, about: unknown) => void;
}

/** A log, and the attachments that its events refer to where they lie beside it. */
export interface Store {
  readonly log: EventLog;
  /** Undefined in EventStoreDB, and in a database from before there were any. */
  openAttachments(): Promise<AttachmentStore | undefined>;
}

/**
 * Opens the log at an `esdb:` or `postgres:` address, or in the data folder of a service that does
 * not run, and registers how it is closed. Throws when there is none.
 */
export async function openStore(
  where: string,
  { streamPrefix, isNewAllowed, warn }: StoreOptions,
  cleanup: CleanupStack,
): Promise<Store> {
  if (/^esdb(\+discover)?:\/\//.test(where)) {
    // Its client takes a quarter of a second to load, which others need not wait for.
    const { openEventStoreLog } = await import('../log/eventstoredb/index.ts');
    const log = await openEventStoreLog({ ...limits, connectionString: where, streamPrefix, warn });
    cleanup.add(() => log.close());
    return { log, openAttachments: () => Promise.resolve(undefined) };
  }
  const connectionString = /^postgres(ql)?:\/\//.test(where)
    ? where
    : await openFolder(where, isNewAllowed, cleanup);
  if (isNewAllowed) await migrated(connectionString);
  const log = await openPostgresLog({ ...limits, connectionString, warn });
  cleanup.add(() => log.close());
  return { log, openAttachments: () => openAttachments(connectionString, cleanup) };
}

async function openAttachments(
  url: string,
  cleanup: CleanupStack,
): Promise<AttachmentStore | undefined> {
  const database = await openDatabase(url, { entities: [], migrations, poolSize: 2 });
  cleanup.add(() => database.destroy());
  const [found] = await database.query<{ exists: boolean }[]>(
    "select to_regclass('attachments') is not null as exists",
  );
  return found?.exists ? new PostgresAttachments(database, limits) : undefined;
}

async function openFolder(
  dataDir: string,
  isNewAllowed: boolean,
  cleanup: CleanupStack,
): Promise<string> {
  if (!isNewAllowed && !existsSync(join(dataDir, 'postgres'))) {
    throw new Error(`${dataDir} is neither an esdb:// or postgres:// address nor a data folder`);
  }
  const postgres = await startEmbeddedPostgres({ dataDir });
  cleanup.add(() => postgres.stop());
  return postgres.url;
}

async function migrated(url: string): Promise<void> {
  const database = await openDatabase(url, { entities: [], migrations, poolSize: 1 });
  try {
    await migrate(database);
  } finally {
    await database.destroy();
  }
}
