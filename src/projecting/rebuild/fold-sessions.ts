import type { SessionEvent } from '@playhead/contract';
import type { ProjectedRow, Projection } from '../projection.ts';

/** A session that a projection cannot fold, and the event at which it stopped. */
export interface Poison {
  readonly event: SessionEvent;
  readonly failure: unknown;
}

/** The rows that a projection makes of one session, folded in memory from its first event. */
export class SessionFold {
  readonly #rows = new Map<string, ProjectedRow>();
  poison: Poison | undefined;

  constructor(
    private readonly projection: Projection,
    private readonly skipped: ReadonlySet<string>,
  ) {}

  get rows(): readonly ProjectedRow[] {
    return [...this.#rows.values()];
  }

  /** Takes the next event, whole or not at all; none after one that cannot be folded. */
  apply(event: SessionEvent, misplaced?: string): void {
    if (this.poison || this.skipped.has(event.id)) return;
    try {
      if (misplaced !== undefined) throw new Error(misplaced);
      this.#fold(event);
    } catch (failure) {
      this.poison = { event, failure };
    }
  }

  #fold(event: SessionEvent): void {
    const { projection } = this;
    const after = new Map<string, ProjectedRow | undefined>();
    for (const key of projection.keys(event)) {
      const row = after.has(key) ? after.get(key) : this.#rows.get(key);
      if (row && row.revision >= event.revision) {
        throw new Error(`revision ${event.revision} comes when ${row.revision} has been taken`);
      }
      const next = projection.evolve(row, event);
      if (next !== row) after.set(key, next);
    }
    for (const [key, row] of after) {
      if (row) this.#rows.set(key, row);
      else this.#rows.delete(key);
    }
  }
}
