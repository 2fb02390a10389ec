import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { migrations } from '../../migrations/index.ts';
import { projections } from '../../projections/index.ts';
import { entitiesOf } from '../projecting/projection.ts';
import { KeyRow, Keys, type PresetKey } from '../access/keys.ts';
import { Revocations } from '../access/revocations.ts';
import type { ServiceParts } from '../app.module.ts';
import { StartupError } from './startup-error.ts';
import type { Config } from '../config.ts';
import { migrate, openDatabase } from './database.ts';
import {
  FreeDiskSpace,
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../embedded-postgres/index.ts';
import { CommandHandler } from '../commands/command-handler.ts';
import { SessionList } from '../session-list.ts';
import { ConsoleSubscriptions } from '../live/console/console-subscriptions.ts';
import { SessionHistory } from '../live/history/session-history.ts';
import { SessionSubscriptions } from '../live/session/session-subscriptions.ts';
import type { EventLog } from '../log/event-log.ts';
import { PostgresSnapshots } from '../log/postgres/index.ts';
import type { Snapshots } from '../log/snapshots.ts';
import { openTail } from '../log/tail.ts';
import { openPostgresNodes } from '../nodes/postgres-nodes.ts';
import { openAttachments } from './open-attachments.ts';
import { openLog } from './open-log.ts';
import { openProjections } from './open-projections.ts';
import { SessionStates, type StatesOptions } from '../commands/session-states.ts';
import type { CleanupStack } from './cleanup-stack.ts';

/**
 * Opens what the service is made of, bottom up, and registers how each part is closed. Throws
 * errors that the person who starts it can read: see `main.ts`. `onFatal` is called when the
 * embedded Postgres has ended.
 */
export async function openParts(
  config: Config,
  logger: Logger,
  cleanup: CleanupStack,
  onFatal: (reason: string) => void,
): Promise<ServiceParts> {
  const { limits, databaseUrl } = config;
  const { url, location } = databaseUrl
    ? { url: databaseUrl, location: '' }
    : await embeddedPostgres(config, logger, cleanup, onFatal);
  const disk = databaseUrl ? undefined : await watchDisk(config, logger);
  if (disk) cleanup.add(() => disk.stop());
  const setting = databaseUrl ? 'DATABASE_URL' : folderOf(config);
  const explain = (failure: unknown): never => {
    throw new StartupError(setting, failure);
  };
  const database = await openDatabase(url, {
    entities: [KeyRow, ...entitiesOf(projections)],
    migrations,
    poolSize: limits.databasePoolMax,
  }).catch(explain);
  cleanup.add(() => database.destroy());
  await migrate(database).catch(explain);
  const nodes = openPostgresNodes({
    ...limits,
    connectionString: url,
    warn: (message, about) => logger.warn({ about }, message),
  });
  cleanup.add(() => nodes.close());
  const log = await openLog(config, { database, url, location, setting }, nodes, logger);
  cleanup.add(() => log.close());
  const tail = await openTail(log, { bytesMax: limits.tailBytesMax });
  cleanup.add(() => tail.stop());
  const sources = { database, url, log, tail };
  const readModels = openProjections(config, logger, sources, cleanup);
  const onFault = (where: string) => (fault: unknown) => logger.error({ err: fault }, where);
  const snapshots = new PostgresSnapshots({ ...limits, connectionString: url });
  cleanup.add(() => snapshots.close());
  const sessionSubscriptions = new SessionSubscriptions(
    { log, tail, snapshots },
    limits,
    onFault('session subscription'),
  );
  cleanup.add(() => sessionSubscriptions.stop());
  const consoleSubscriptions = new ConsoleSubscriptions({
    ...{ log, tail, limits, onFault: onFault('console subscription') },
    list: new SessionList(database, log.epoch),
  });
  cleanup.add(() => consoleSubscriptions.stop());
  const sessionHistory = new SessionHistory(
    { log, snapshots, onFault: onFault('session history') },
    limits,
  );
  const commands = openCommands({ log, snapshots }, limits, {
    onSnapshot: (sessionId) => sessionSubscriptions.fold(sessionId),
    onFault: onFault('snapshot'),
  });
  cleanup.add(() => commands.close());
  const attachments = openAttachments(sources, limits, onFault('attachments'), cleanup);
  const keys = new Keys(database, log, { preset: presetKeys(config), cacheMs: limits.keyCacheMs });
  const revocations = new Revocations(keys, tail);
  cleanup.add(() => revocations.stop());
  return {
    ...{ database, disk, log, tail, nodes, keys, revocations, commands, attachments },
    ...{ ...readModels, sessionSubscriptions, consoleSubscriptions, sessionHistory },
  };
}

const folderOf = ({ dataDir }: Config): string => `PLAYHEAD_DATA_DIR ${dataDir}`;

async function embeddedPostgres(
  config: Config,
  logger: Logger,
  cleanup: CleanupStack,
  onFatal: (reason: string) => void,
): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    onLog: (line) => logger.debug({ postgres: line }),
    onCrash: onFatal,
  }).catch((failure: unknown) => {
    throw new StartupError(folderOf(config), failure);
  });
  cleanup.add(() => postgres.stop());
  return postgres;
}

const watchDisk = (
  { dataDir, diskWarnBelowBytes, limits }: Config,
  logger: Logger,
): Promise<FreeDiskSpace> =>
  FreeDiskSpace.watch({
    folder: dataDir,
    warnBelowBytes: diskWarnBelowBytes,
    checkMs: limits.diskCheckMs,
    onChange: ({ isLow, ...about }) => {
      if (isLow) logger.warn(about, 'disk space is low: a full disk ends the service');
      else logger.info(about, 'disk space is no longer low');
    },
  });

const ignored = { onSnapshot: () => undefined, onFault: () => undefined };

/** The write path with the limits of the configuration. */
export function openCommands(
  { log, snapshots }: { readonly log: EventLog; readonly snapshots: Snapshots },
  limits: Config['limits'],
  handlers: Pick<StatesOptions, 'onSnapshot' | 'onFault'> = ignored,
): CommandHandler {
  const pages = { limit: limits.readEventsMax, bytesMax: limits.readBytesMax };
  const states = new SessionStates(log, snapshots, { ...limits, pages, ...handlers });
  return new CommandHandler(log, states, {
    queues: {
      perKeyMax: limits.sessionQueueMax,
      totalMax: limits.commandQueueMax,
      bytesMax: limits.commandQueueBytesMax,
      batchMax: limits.commandsPerAppendMax,
    },
    conflictRetriesMax: limits.conflictRetriesMax,
    now: () => new Date(),
    newId: randomUUID,
  });
}

function presetKeys({ adminKey, ingestKey }: Config): PresetKey[] {
  return [
    ...(adminKey ? [{ name: 'preset-admin', key: adminKey, scopes: ['admin'] as const }] : []),
    ...(ingestKey ? [{ name: 'preset-ingest', key: ingestKey, scopes: ['ingest'] as const }] : []),
  ];
}
