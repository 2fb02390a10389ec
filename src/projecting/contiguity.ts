import type { SessionEvent } from '@playhead/contract';

/**
 * Notices when an event of a session is missing between two that came. It knows only what passed
 * since it was made: a row cannot tell, since projections ignore events.
 */
export class Contiguity {
  readonly #seen = new Map<string, number>();

  /** `sessionsMax`: how many sessions, those heard of last, are remembered. */
  constructor(private readonly sessionsMax: number) {}

  /** What is wrong with the place of some of the events, by event id. Nothing is remembered yet. */
  check(events: readonly SessionEvent[]): ReadonlyMap<string, string> {
    const faults = new Map<string, string>();
    const revisions = new Map<string, number>();
    for (const { id, sessionId, revision } of events) {
      const last = revisions.get(sessionId) ?? this.#seen.get(sessionId);
      if (last !== undefined && revision !== last + 1) {
        faults.set(id, `revision ${revision} comes right after ${last}`);
      }
      revisions.set(sessionId, revision);
    }
    return faults;
  }

  /** Remembers events that were taken. */
  passed(events: readonly SessionEvent[]): void {
    for (const { sessionId, revision } of events) {
      // Set anew, a key moves to the end of a Map; the first one is the one unheard of longest.
      this.#seen.delete(sessionId);
      this.#seen.set(sessionId, revision);
    }
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= this.sessionsMax) break;
      this.#seen.delete(oldest);
    }
  }
}
