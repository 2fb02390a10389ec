import { id, sessionIdOf, type SessionEvent } from '@playhead/contract';
import type { EventLog, RecordedEvent } from '../log/event-log.ts';
import type { Tail } from '../log/tail.ts';

/** How large a batch may be. */
export interface BatchLimits {
  /** Events of one batch. */
  readonly projectionBatchMax: number;
  /** Bytes of one batch, beyond its first event. */
  readonly readBytesMax: number;
}

/** Where a projection takes its events from: the node's follower, or the log when it is behind. */
export class EventSource {
  #page: { after: string; events: readonly RecordedEvent[] } = { after: '', events: [] };

  constructor(
    private readonly log: EventLog,
    private readonly tail: Tail,
    private readonly limits: BatchLimits,
  ) {}

  /** What is kept in memory after a position, else the next page of the log. */
  async next(after: string): Promise<readonly RecordedEvent[]> {
    const kept = this.tail.after(after);
    if (kept) return this.#cut(kept);
    if (this.#page.after !== after || this.#page.events.length === 0) {
      const limit = this.limits.projectionBatchMax;
      this.#page = { after, events: await this.log.readAll({ after, limit }) };
    }
    const batch = this.#cut(this.#page.events);
    // What is cut off is the next batch: large events are not read again and again.
    const last = batch.at(-1);
    if (last) this.#page = { after: last.position, events: this.#page.events.slice(batch.length) };
    return batch;
  }

  #cut(events: readonly RecordedEvent[]): readonly RecordedEvent[] {
    let bytes = 0;
    const end = events.findIndex((event, nth) => {
      bytes += event.bytes;
      return nth >= this.limits.projectionBatchMax || (nth > 0 && bytes > this.limits.readBytesMax);
    });
    return end < 0 ? events : events.slice(0, end);
  }
}

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

/** The same for one event, made each time. */
export function sessionEventOf(recorded: RecordedEvent): SessionEvent | null {
  const sessionId = sessionIdOf(recorded.stream);
  if (sessionId === undefined || !id.safeParse(sessionId).success) return null;
  const { id: eventId, revision, position, type, v, data, meta } = recorded;
  return { id: eventId, sessionId, revision, position, type, v, data, meta };
}
