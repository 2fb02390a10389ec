import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { StartupError } from './startup-error.ts';
import type { Config } from '../config.ts';
import type { EventLog } from '../log/event-log.ts';
import { openEventStoreLog } from '../log/eventstoredb/index.ts';
import { openPostgresLog } from '../log/postgres/index.ts';
import { claimLogLocation } from './log-location.ts';
import type { Nodes } from '../nodes/nodes.ts';

/** The database of the read models, in which the log lies too when nothing else is set. */
interface Database {
  readonly database: DataSource;
  readonly url: string;
  /** What tells it from its copies where Postgres cannot; '' when Postgres can. */
  readonly location: string;
  /** What the person who starts the service has set to choose it. */
  readonly setting: string;
}

/** Opens the log that is configured. Throws what the person who starts the service can read. */
export async function openLog(
  { limits, eventStoreUrl, eventStorePrefix, eventStoreMaxAppendSize }: Config,
  { database, url, location, setting }: Database,
  nodes: Nodes,
  logger: Logger,
): Promise<EventLog> {
  const warn = (message: string, about: unknown): void => logger.warn({ about }, message);
  if (eventStoreUrl !== undefined) {
    const options = {
      ...{ connectionString: eventStoreUrl, streamPrefix: eventStorePrefix },
      // The server counts what is around data and meta, too: the same share as of its default.
      wholeSessionBytesMax: (eventStoreMaxAppendSize * limits.appendBytesMax) / (1024 * 1024),
    };
    return openEventStoreLog({ ...limits, ...options, warn }).catch((failure: unknown) => {
      throw new StartupError('EVENTSTORE_URL', failure);
    });
  }
  if (await claimLogLocation(database, location)) {
    logger.warn('the database is a copy: the list of sessions is opened again by who had it open');
  }
  const hasOthers = (): boolean => nodes.others > 0;
  return openPostgresLog({ ...limits, connectionString: url, hasOthers, warn }).catch(
    (failure: unknown) => {
      throw new StartupError(setting, failure);
    },
  );
}
