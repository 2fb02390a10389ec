import type { ParkedSession } from './parked.ts';
import type { Queryable } from './row-table.ts';

/** The ids of the events that an operator has taken out of a projection, for good. */
export async function skippedEventIds(
  database: Queryable,
  projection: string,
): Promise<ReadonlySet<string>> {
  const found = await database.query<{ eventId: string }[]>(
    'select event_id as "eventId" from skipped_events where projection = $1',
    [projection],
  );
  return new Set(found.map(({ eventId }) => eventId));
}

/** Notes that a projection leaves an event out; once more changes nothing. */
export async function noteSkippedEvent(
  database: Queryable,
  projection: string,
  { eventId, sessionId, revision }: Omit<ParkedSession, 'error'>,
  why: string,
): Promise<void> {
  await database.query(
    `insert into skipped_events (projection, event_id, session_id, revision, why)
     values ($1, $2, $3, $4, $5) on conflict do nothing`,
    [projection, eventId, sessionId, revision, why],
  );
}
