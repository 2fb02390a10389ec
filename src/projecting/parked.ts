import type { SessionEvent } from '@playhead/contract';
import type { EntityManager } from 'typeorm';
import { storableMessageOf } from './failures.ts';
import type { Queryable } from './row-table.ts';

/** A session whose events a projection skips, because one of them could not be applied. */
export interface ParkedSession {
  readonly sessionId: string;
  readonly revision: number;
  readonly eventId: string;
  readonly error: string;
}

/** Parks the session of a poison event for a projection. */
export async function park(
  manager: EntityManager,
  projection: string,
  event: SessionEvent,
  failure: unknown,
): Promise<ParkedSession> {
  const { sessionId, revision, id: eventId } = event;
  const parked = { sessionId, revision, eventId, error: storableMessageOf(failure) };
  await noteParked(manager, projection, parked);
  return parked;
}

/** Puts down that a session is parked. */
export async function noteParked(
  manager: EntityManager,
  projection: string,
  { sessionId, revision, eventId, error }: ParkedSession,
): Promise<void> {
  await manager.query(
    `insert into parked (projection, session_id, revision, event_id, error)
     values ($1, $2, $3, $4, $5)`,
    [projection, sessionId, revision, eventId, error],
  );
}

/** Which sessions of some events a projection has parked. */
export async function parkedAmong(
  database: Queryable,
  projection: string,
  events: readonly SessionEvent[],
): Promise<Set<string>> {
  const sessionIds = [...new Set(events.map(({ sessionId }) => sessionId))];
  const parked = await database.query<{ sessionId: string }[]>(
    `select session_id as "sessionId" from parked
     where projection = $1 and session_id = any ($2::text[])`,
    [projection, sessionIds],
  );
  return new Set(parked.map(({ sessionId }) => sessionId));
}
