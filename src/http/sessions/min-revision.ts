import { setTimeout as sleep } from 'node:timers/promises';
import { id, sessionStream } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { findSession, type SessionRow } from '../../../projections/sessions.ts';
import type { Limits } from '../../config.ts';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import type { Projector } from '../../projecting/projector.ts';
import { Problem } from '../problem.ts';
import { staleSince } from './stale-since.ts';

/** What a read that asks for a revision needs. */
export interface ReadModelContext {
  readonly database: DataSource;
  readonly log: EventLog;
  readonly projector: Projector;
  readonly limits: Limits;
}

/**
 * A session once the read models have taken it up to a revision, or at once when none is given.
 * Throws `not-found`, and `not-yet` when they are not that far within `minRevisionWaitMs`.
 */
export async function sessionAtRevision(
  context: ReadModelContext,
  sessionId: string,
  revision: number | undefined,
): Promise<SessionRow> {
  if (!id.safeParse(sessionId).success) throw new Problem('not-found');
  if (revision !== undefined) await awaitRevision(context, sessionId, revision);
  const session = await findSession(context.database, sessionId);
  if (!session) throw new Problem('not-found');
  return session;
}

const RETRY_AFTER_S = 1;

/** A parked session counts as applied: waiting would not bring it back. */
async function awaitRevision(
  { log, projector, limits }: ReadModelContext,
  sessionId: string,
  revision: number,
): Promise<void> {
  const end = performance.now() + limits.minRevisionWaitMs;
  const left = (): number => Math.max(0, end - performance.now());
  for (;;) {
    const [event] = await log.read(sessionStream(sessionId), { after: revision - 1, limit: 1 });
    if (event && (await projector.waitFor(event.position, left()))) return;
    if (left() === 0) {
      const message = `the read models are not at revision ${revision} of this session`;
      throw new Problem('not-yet', message, 'minRevision', RETRY_AFTER_S);
    }
    await sleep(Math.min(limits.pollIntervalMs, left()));
  }
}

/**
 * Resolves once some read models hold what a session was at an event. Throws `not-yet` when they
 * are not that far within `minRevisionWaitMs`, and `unavailable` where one of them has parked the
 * session: its rows are older than what is asked for. `field` is the parameter that asked for it,
 * `instead` says where else it is.
 */
export async function readModelsReach(
  { database, projector, limits }: ReadModelContext,
  sessionId: string,
  { revision, position }: RecordedEvent,
  { readModels, field, instead }: ReadModelsOf,
): Promise<void> {
  if (!(await projector.waitFor(position, limits.minRevisionWaitMs))) {
    const message = `the read models are not at revision ${revision} of this session`;
    throw new Problem('not-yet', message, field, RETRY_AFTER_S);
  }
  const stale = await staleSince({ database, projector }, readModels, [sessionId]);
  const since = stale.get(sessionId);
  if (since === undefined) return;
  const message = `the ${readModels.join(', ')} of this session are not kept up to date since`;
  throw new Problem('unavailable', `${message} ${since}; ${instead}`, field);
}

/** What an answer is made from, and which parameter asked for it. */
interface ReadModelsOf {
  readonly readModels: readonly string[];
  readonly field: string;
  readonly instead: string;
}
