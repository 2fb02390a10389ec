import { sessionIdOf, type SessionEvent, type SessionFrame } from '@playhead/contract';
import type { RecordedEvent } from '../log/event-log.ts';

/** The envelope's names and punctuation, its id and numbers, roughly. */
const ENVELOPE_BYTES = 160;

/** An event of a session's stream as clients see it. */
export const asSessionEvent = (event: RecordedEvent): SessionEvent => ({
  id: event.id,
  sessionId: sessionIdOf(event.stream) ?? '',
  revision: event.revision,
  position: event.position,
  type: event.type,
  v: event.v,
  data: event.data,
  meta: event.meta,
});

/** No type has this version: an event that carries it is opaque to every fold. */
const OPAQUE = 0;

/** An event on which a fold throws: its data is not what its type promises, so nobody reads it. */
export const asOpaque = (event: SessionEvent): SessionEvent => ({ ...event, v: OPAQUE });

/** Events of a session that follow revision `after`, as they travel. */
export const frameOf = (
  sessionId: string,
  after: number,
  events: readonly RecordedEvent[],
): SessionFrame => ({
  sessionId,
  from: after + 1,
  through: events.at(-1)?.revision ?? after,
  events: events.map(asSessionEvent),
});

/** How long the events are as JSON in a frame, in bytes, give or take a few. */
export const wireBytes = (events: readonly RecordedEvent[]): number =>
  events.reduce(
    (sum, event) => sum + event.bytes + event.stream.length + event.type.length + ENVELOPE_BYTES,
    0,
  );
