import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { projections } from '../../projections/index.ts';
import type { Config } from '../config.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Tail } from '../log/tail.ts';
import { DifferenceSampler } from '../projecting/difference-sampler.ts';
import { Projector } from '../projecting/projector.ts';
import { Rebuilds } from '../projecting/rebuild/rebuilds.ts';
import { SessionRepairs } from '../projecting/session-repairs.ts';
import type { CleanupStack } from './cleanup-stack.ts';
import { startRebuildProcess } from './rebuild-process.ts';

/** What the projections stand on. */
interface Sources {
  readonly database: DataSource;
  /** Where the database is. */
  readonly url: string;
  readonly log: EventLog;
  readonly tail: Tail;
}

/** Starts the projections, their continuous check, and what an operator may do about both. */
export function openProjections(
  { limits, checkedSessionsPerMinute, eventStoreUrl, eventStorePrefix }: Config,
  logger: Logger,
  { database, url, log, tail }: Sources,
  cleanup: CleanupStack,
): {
  readonly projector: Projector;
  readonly rebuilds: Rebuilds;
  readonly repairs: SessionRepairs;
  readonly sampler: DifferenceSampler;
} {
  const notice = (message: string, about: object): void => logger.warn(about, message);
  const logUrl = eventStoreUrl ?? url;
  const rebuildPlace = { databaseUrl: url, logUrl, streamPrefix: eventStorePrefix };
  const rebuilds = new Rebuilds({
    ...{ dataSource: database, log, projections, limits, notice },
    startProcess: () => startRebuildProcess(rebuildPlace, notice),
  });
  const projector = new Projector(projections, {
    ...{ dataSource: database, log, tail, limits, notice },
    onOutdated: (name, found) => rebuilds.replaceOutdated(name, found),
    onEmpty: (name, found) => rebuilds.isBeingFilled(name, found),
  });
  cleanup.add(() => projector.stop());
  cleanup.add(() => rebuilds.stop());
  const repairs = new SessionRepairs(projections, {
    ...{ database, log, limits },
    onRefolded: (name) => projector.refolded(name),
  });
  const sampler = new DifferenceSampler(projections, {
    ...{ database, log, limits, notice, perMinute: checkedSessionsPerMinute },
  });
  cleanup.add(() => sampler.stop());
  return { projector, rebuilds, repairs, sampler };
}
