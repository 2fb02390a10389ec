import { sessionStream, type SessionEvent } from '@playhead/contract';
import { codeOfFault, type EventLog } from '../log/event-log.ts';
import { sessionEventsOf } from './event-source.ts';

/** Events without gaps, in the order of each session. */
export interface Contiguous {
  readonly events: readonly SessionEvent[];
  /** What is wrong with the revision of an event, by the event's id. */
  readonly misplaced: ReadonlyMap<string, string>;
  /** How many events were missing and were read from the session's stream. */
  readonly found: number;
}

/** What bounds the search for a missing event. */
export interface GapDetectorLimits {
  /** Events read at most to fill a gap. */
  readonly projectionBatchMax: number;
  /** How many sessions are remembered: those with the latest events. */
  readonly projectionSessionsMax: number;
}

/**
 * Notices when an event of a session is missing between two that came, and reads it from the log.
 * It knows only what came since it was made: a row cannot tell, since projections ignore some
 * events.
 */
export class GapDetector {
  readonly #lastRevisions = new Map<string, number>();

  constructor(
    private readonly log: EventLog,
    private readonly limits: GapDetectorLimits,
  ) {}

  /** Fills gaps, as far as the log has the events. Nothing is remembered yet: see `applied`. */
  async fillGaps(events: readonly SessionEvent[]): Promise<Contiguous> {
    const misplaced = new Map<string, string>();
    const revisions = new Map<string, number>();
    const filled: SessionEvent[] = [];
    for (const event of events) {
      const { sessionId, revision } = event;
      const last = revisions.get(sessionId) ?? this.#lastRevisions.get(sessionId) ?? revision - 1;
      const missing = revision > last + 1 ? await this.#between(event, last) : [];
      if (last + missing.length + 1 !== revision) {
        misplaced.set(event.id, `revision ${revision} comes right after ${last}`);
      }
      filled.push(...missing, event);
      revisions.set(sessionId, revision);
    }
    return { events: filled, misplaced, found: filled.length - events.length };
  }

  /** Forgets everything: others may have applied events since. */
  forget(): void {
    this.#lastRevisions.clear();
  }

  /** Remembers events that were applied. */
  applied(events: readonly SessionEvent[]): void {
    for (const { sessionId, revision } of events) {
      // A key that is deleted and set moves to the end of a Map: the first one is the oldest.
      this.#lastRevisions.delete(sessionId);
      this.#lastRevisions.set(sessionId, revision);
    }
    for (const oldest of this.#lastRevisions.keys()) {
      if (this.#lastRevisions.size <= this.limits.projectionSessionsMax) break;
      this.#lastRevisions.delete(oldest);
    }
  }

  async #between({ sessionId, revision }: SessionEvent, last: number): Promise<SessionEvent[]> {
    const limit = revision - last - 1;
    if (limit > this.limits.projectionBatchMax) return [];
    try {
      return sessionEventsOf(await this.log.read(sessionStream(sessionId), { after: last, limit }));
    } catch (fault) {
      // A stream that was deleted on the server has no events to fill the gap with.
      if (codeOfFault(fault) === 'deleted') return [];
      throw fault;
    }
  }
}
