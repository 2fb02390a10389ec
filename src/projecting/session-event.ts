import { id, sessionIdOf, type SessionEvent } from '@playhead/contract';
import type { RecordedEvent } from '../log/event-log.ts';

/** What was made of an event once, for all projections; null for one that is of no session. */
const made = new WeakMap<RecordedEvent, SessionEvent | null>();

/**
 * The events of sessions among recorded ones, as projections take them. No command makes a session
 * whose id the contract does not take, and no table could hold one: those are passed over.
 */
export function sessionEventsOf(recorded: readonly RecordedEvent[]): SessionEvent[] {
  return recorded.flatMap((event) => {
    const known = made.get(event);
    if (known !== undefined) return known ?? [];
    const own = sessionEventOf(event);
    made.set(event, own);
    return own ?? [];
  });
}

function sessionEventOf(recorded: RecordedEvent): SessionEvent | null {
  const sessionId = sessionIdOf(recorded.stream);
  if (sessionId === undefined || !id.safeParse(sessionId).success) return null;
  const { id: eventId, revision, position, type, v, data, meta } = recorded;
  return { id: eventId, sessionId, revision, position, type, v, data, meta };
}
