import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { projections } from '../../projections/index.ts';
import type { Config } from '../config.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Tail } from '../log/tail.ts';
import { DifferenceSampler } from '../projecting/difference-sampler.ts';
import { Projector } from '../projecting/projector.ts';
import { SessionRepairs } from '../projecting/session-repairs.ts';
import type { CleanupStack } from './cleanup-stack.ts';

/** What the projections stand on. */
interface Sources {
  readonly database: DataSource;
  readonly log: EventLog;
  readonly tail: Tail;
}

/** Starts the projections, their continuous check, and what an operator may do about both. */
export function openProjections(
  { limits, checkedSessionsPerMinute }: Config,
  logger: Logger,
  { database, log, tail }: Sources,
  cleanup: CleanupStack,
): {
  readonly projector: Projector;
  readonly repairs: SessionRepairs;
  readonly sampler: DifferenceSampler;
} {
  const notice = (message: string, about: object): void => logger.warn(about, message);
  const projector = new Projector(projections, {
    ...{ dataSource: database, log, tail, limits, notice },
  });
  cleanup.add(() => projector.stop());
  const repairs = new SessionRepairs(projections, {
    ...{ database, log, limits },
    onRefolded: (name) => projector.refolded(name),
  });
  const sampler = new DifferenceSampler(projections, {
    ...{ database, log, limits, notice, perMinute: checkedSessionsPerMinute },
  });
  cleanup.add(() => sampler.stop());
  return { projector, repairs, sampler };
}
