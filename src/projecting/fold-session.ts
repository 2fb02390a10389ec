import type { SessionEvent } from '@playhead/contract';
import { storableMessageOf } from './failures.ts';
import type { ParkedSession } from './parked.ts';
import type { ProjectedRow, Projection } from './projection.ts';

/** An event that the database refused, by what it makes of the rows. */
export interface RefusedEvent {
  readonly eventId: string;
  readonly error: string;
}

/** What a fold leaves out, and where it ends. */
export interface FoldOptions {
  /** Ids of events that an operator has taken out. */
  readonly skipped?: ReadonlySet<string>;
  /** The revision that the first event follows, -1 if it is left out. */
  readonly after?: number;
  /** Poison, though no function throws at it. */
  readonly refused?: RefusedEvent | undefined;
}

/**
 * The rows that one session has in a read model, folded from its first event on, page by page. It
 * keeps the rows alone, so a session may have any number of events. Pure, as projections are.
 */
export class SessionFold {
  readonly #rows = new Map<string, ProjectedRow>();
  #revision: number;
  #poison: ParkedSession | undefined;

  constructor(
    private readonly projection: Projection,
    private readonly options: FoldOptions = {},
  ) {
    this.#revision = options.after ?? -1;
  }

  /** By key, see `Projection.keys`. */
  get rows(): ReadonlyMap<string, ProjectedRow> {
    return this.#rows;
  }

  /** The last event that was folded or skipped, -1 for none. */
  get revision(): number {
    return this.#revision;
  }

  /** The first event that cannot be folded. It and all after it are not in the rows. */
  get poison(): ParkedSession | undefined {
    return this.#poison;
  }

  /** Folds the session's next events, in order. Returns the keys of the rows that changed. */
  take(events: readonly SessionEvent[]): ReadonlySet<string> {
    const changed = new Set<string>();
    for (const event of events) {
      if (this.#poison) break;
      try {
        for (const [key, row] of this.#changesOf(event)) {
          if (row) this.#rows.set(key, row);
          else this.#rows.delete(key);
          changed.add(key);
        }
        this.#revision = event.revision;
      } catch (failure) {
        this.#poison = poisonAt(event, failure);
      }
    }
    return changed;
  }

  /** All or nothing: where one row of an event cannot be made, no other is written. */
  #changesOf(event: SessionEvent): Map<string, ProjectedRow | undefined> {
    const { keyColumn } = this.projection;
    const changes = new Map<string, ProjectedRow | undefined>();
    this.#refuseMisplaced(event);
    const { skipped, refused } = this.options;
    if (skipped?.has(event.id)) return changes;
    if (refused?.eventId === event.id) throw new Error(refused.error);
    for (const key of this.projection.keys(event)) {
      const row = changes.has(key) ? changes.get(key) : this.#rows.get(key);
      const next = this.projection.evolve(row, event, key);
      if (next === row) continue;
      if (next && (keyColumn === undefined ? next.sessionId : next[keyColumn]) !== key) {
        throw new Error(`the row for ${key} has another key`);
      }
      changes.set(key, next);
    }
    return changes;
  }

  #refuseMisplaced({ revision }: SessionEvent): void {
    if (revision === this.#revision + 1) return;
    throw new Error(`revision ${revision} comes right after ${this.#revision}`);
  }
}

/** The rows of a session of which all events are at hand, and its poison event if it has one. */
export function foldSession(
  projection: Projection,
  events: readonly SessionEvent[],
  options?: FoldOptions,
): Pick<SessionFold, 'rows' | 'poison'> {
  const fold = new SessionFold(projection, options);
  fold.take(events);
  return fold;
}

const poisonAt = ({ sessionId, revision, id }: SessionEvent, failure: unknown): ParkedSession => ({
  sessionId,
  revision,
  eventId: id,
  error: storableMessageOf(failure),
});
