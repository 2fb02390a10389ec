import { START, type RecordedEvent } from '../../log/event-log.ts';

/** A cursor in a session's stream, at an event of it or before the first. */
export interface Cursor {
  /** -1 before the first event. */
  readonly revision: number;
  /** Id of the event at `revision`, null before the first. */
  readonly eventId: string | null;
  /** Position of the event at `revision`, `START` before the first. */
  readonly position: string;
  /** No event of the session beyond `revision` lies at or before this position of the log. */
  readonly emptyThrough: string;
}

/** Before the first event of any session. */
export const startCursor: Cursor = {
  revision: -1,
  eventId: null,
  position: START,
  emptyThrough: START,
};

/** The cursor at an event. */
export const cursorAt = (event: RecordedEvent): Cursor => ({
  revision: event.revision,
  eventId: event.id,
  position: event.position,
  emptyThrough: event.position,
});
