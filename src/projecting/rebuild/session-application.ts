import type { SessionEvent } from '@playhead/contract';
import type { EntityManager } from 'typeorm';
import { applyInHalves, type Application } from '../bisecting-apply.ts';
import type { ReadModel } from '../read-model.ts';

/** What a session is applied to, in the transaction of `manager`. */
export interface SessionApplicationOptions {
  readonly manager: EntityManager;
  readonly models: readonly ReadModel[];
  readonly sessionId: string;
  /** For each of the models: ids of events that an operator has taken out, */
  readonly skipped: readonly ReadonlySet<string>[];
  /** and whether the session is parked already. */
  readonly parked: readonly boolean[];
  /** The revision that the next event follows. */
  readonly after: number;
  /** Events of one batch. */
  readonly batchMax: number;
}

/**
 * Applies one session row by row, as the live projections do: for a session that does not fit in
 * memory, and for one of which some row cannot be stored.
 */
export class SessionApplication {
  readonly #applications: readonly (Application & { readonly misplaced: Map<string, string> })[];
  readonly #batch: SessionEvent[] = [];
  #revision: number;

  constructor(private readonly options: SessionApplicationOptions) {
    const { manager, models, sessionId, parked, after } = options;
    this.#revision = after;
    this.#applications = models.map(({ projection, table }, nth) => ({
      ...{ manager, projection, table },
      misplaced: new Map<string, string>(),
      skipped: new Set(parked[nth] ? [sessionId] : []),
      parked: [],
    }));
  }

  /** Takes the next events, in order. */
  async take(events: readonly SessionEvent[]): Promise<void> {
    for (const event of events) {
      if (event.revision !== this.#revision + 1) {
        const fault = `revision ${event.revision} comes right after ${this.#revision}`;
        for (const { misplaced } of this.#applications) misplaced.set(event.id, fault);
      }
      this.#revision = event.revision;
      this.#batch.push(event);
    }
    if (this.#batch.length >= this.options.batchMax) await this.apply();
  }

  /** Writes what was taken. */
  async apply(): Promise<void> {
    const events = this.#batch.splice(0);
    for (const [nth, application] of this.#applications.entries()) {
      const skipped = this.options.skipped[nth];
      const due = skipped ? events.filter(({ id }) => !skipped.has(id)) : events;
      await applyInHalves(application, due);
    }
  }
}
