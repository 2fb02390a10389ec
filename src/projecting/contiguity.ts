import { sessionStream, type SessionEvent } from '@playhead/contract';
import type { EventLog } from '../log/event-log.ts';
import { sessionEventsOf } from './session-event.ts';

/** Events with what was missing between them, in the order of each session. */
export interface Mended {
  readonly events: readonly SessionEvent[];
  /** What is wrong with the place of an event in its session, by the event's id. */
  readonly misplaced: ReadonlyMap<string, string>;
  /** How many events were missing and came from the log's stream. */
  readonly found: number;
}

/** What bounds the search for a missing event. */
export interface ContiguityLimits {
  /** Events read at most to fill a hole. */
  readonly projectionBatchMax: number;
  /** How many sessions, those heard of last, are remembered. */
  readonly projectionSessionsMax: number;
}

/**
 * Notices when an event of a session is missing between two that came, and gets it from the log. It
 * knows only what passed since it was made: a row cannot tell, since projections ignore events.
 */
export class Contiguity {
  readonly #seen = new Map<string, number>();

  constructor(
    private readonly log: EventLog,
    private readonly limits: ContiguityLimits,
  ) {}

  /** The events without holes, as far as the log has none. Nothing is remembered yet. */
  async mend(events: readonly SessionEvent[]): Promise<Mended> {
    const misplaced = new Map<string, string>();
    const revisions = new Map<string, number>();
    const mended: SessionEvent[] = [];
    for (const event of events) {
      const { sessionId, revision } = event;
      const last = revisions.get(sessionId) ?? this.#seen.get(sessionId) ?? revision - 1;
      const missing = revision > last + 1 ? await this.#between(event, last) : [];
      if (last + missing.length + 1 !== revision) {
        misplaced.set(event.id, `revision ${revision} comes right after ${last}`);
      }
      mended.push(...missing, event);
      revisions.set(sessionId, revision);
    }
    return { events: mended, misplaced, found: mended.length - events.length };
  }

  /** Remembers events that were taken. */
  passed(events: readonly SessionEvent[]): void {
    for (const { sessionId, revision } of events) {
      // Set anew, a key moves to the end of a Map; the first one is the one unheard of longest.
      this.#seen.delete(sessionId);
      this.#seen.set(sessionId, revision);
    }
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= this.limits.projectionSessionsMax) break;
      this.#seen.delete(oldest);
    }
  }

  async #between({ sessionId, revision }: SessionEvent, last: number): Promise<SessionEvent[]> {
    const limit = revision - last - 1;
    if (limit > this.limits.projectionBatchMax) return [];
    return sessionEventsOf(await this.log.read(sessionStream(sessionId), { after: last, limit }));
  }
}
