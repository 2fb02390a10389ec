import { id, sessionIdOf, type SessionEvent } from '@playhead/contract';
import type { RecordedEvent } from '../log/event-log.ts';

/**
 * The events of sessions among recorded ones, as projections take them. No command makes a session
 * whose id the contract does not take, and no table could hold one: those are passed over.
 */
export function sessionEventsOf(recorded: readonly RecordedEvent[]): SessionEvent[] {
  const sessions = new Map<string, string | undefined>();
  return recorded.flatMap(({ stream, id: eventId, revision, position, type, v, data, meta }) => {
    if (!sessions.has(stream)) sessions.set(stream, sessionOf(stream));
    const sessionId = sessions.get(stream);
    if (sessionId === undefined) return [];
    return { id: eventId, sessionId, revision, position, type, v, data, meta };
  });
}

const sessionOf = (stream: string): string | undefined => {
  const sessionId = sessionIdOf(stream);
  return id.safeParse(sessionId).success ? sessionId : undefined;
};
