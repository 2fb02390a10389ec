import { id, sessionIdOf, type SessionEvent } from '@playhead/contract';
import type { RecordedEvent } from '../log/event-log.ts';

/**
 * The event of a session as projections take it, `undefined` for other streams. No command makes a
 * session whose id the contract does not take, and no table could hold one: it is passed over.
 */
export function sessionEventOf(event: RecordedEvent): SessionEvent | undefined {
  const sessionId = sessionIdOf(event.stream);
  if (sessionId === undefined || !id.safeParse(sessionId).success) return undefined;
  const { id: eventId, revision, position, type, v, data, meta } = event;
  return { id: eventId, sessionId, revision, position, type, v, data, meta };
}
