import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { EventLog } from '../log/event-log.ts';
import { checkSession, type CheckLimits } from './check-session.ts';
import type { Notice } from './context.ts';
import { keepDifferences } from './differences.ts';
import { EventLoopLoad } from './event-loop-load.ts';
import { messageOf } from './failures.ts';
import type { Projection } from './projection.ts';
import { refoldedModelOf, type RefoldedModel } from './read-model.ts';
import { SessionWalk } from './session-walk.ts';

const MINUTE_MS = 60_000;

/** Bounds of the continuous check, as `config.ts` has them. */
export interface SamplerLimits extends CheckLimits {
  /** Differences that are kept of a projection. */
  readonly differencesMax: number;
}

/** What the continuous check of a node stands on. */
export interface SamplerContext {
  readonly database: DataSource;
  readonly log: EventLog;
  readonly limits: SamplerLimits;
  readonly notice: Notice;
  /** Sessions that are checked in a minute; 0 for none. */
  readonly perMinute: number;
  /** For tests: where the walk through the sessions begins. */
  readonly random?: () => number;
}

/** What the continuous check has done in one read model since the start. */
export interface CheckedCounts {
  readonly name: string;
  /** Sessions that were compared with their rows. */
  readonly checked: number;
  /** Differences that were found, each time again. */
  readonly differences: number;
}

/**
 * The continuous check: folds one session after the other again, a few in a minute, and compares
 * the result with its rows in each read model. It gives way while the node is busy. It changes no
 * row: what differs is reported, kept and counted, and an operator heals it.
 */
export class DifferenceSampler {
  readonly #models: readonly RefoldedModel[];
  readonly #walk: SessionWalk;
  readonly #counts = new Map<string, { checked: number; differences: number }>();
  readonly #load = new EventLoopLoad();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #error: string | undefined;

  /** Starts at once, unless `perMinute` is 0. */
  constructor(
    projections: readonly Projection[],
    private readonly context: SamplerContext,
  ) {
    const { database, random } = context;
    this.#models = projections.map((projection) => refoldedModelOf(database, projection));
    const tables = this.#models.map(({ table }) => table);
    this.#walk = new SessionWalk(database, tables, random);
    for (const { name } of projections) this.#counts.set(name, { checked: 0, differences: 0 });
    this.#running = context.perMinute > 0 ? this.#run(MINUTE_MS / context.perMinute) : sleep(0);
  }

  /** For metrics; asks nobody. */
  counts(): readonly CheckedCounts[] {
    return [...this.#counts].map(([name, counts]) => ({ name, ...counts }));
  }

  /** Checks the next session in all read models. Returns its id, undefined when there is none. */
  async checkNext(): Promise<string | undefined> {
    const sessionId = await this.#walk.next();
    if (sessionId === undefined) return undefined;
    for (const model of this.#models) {
      if (this.#stopping.signal.aborted) break;
      await this.#check(model, sessionId);
    }
    return sessionId;
  }

  /** Ends once the check at work is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(intervalMs: number): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await sleep(intervalMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      if (this.#load.isBusy()) continue;
      try {
        await this.checkNext();
        this.#error = undefined;
      } catch (failure) {
        const message = messageOf(failure);
        if (message !== this.#error) {
          this.context.notice('the continuous check fails and tries again', { message });
        }
        this.#error = message;
      }
    }
  }

  async #check(model: RefoldedModel, sessionId: string): Promise<void> {
    const { log, limits, notice } = this.context;
    const { name } = model.projection;
    const found = await checkSession(model, log, sessionId, limits);
    if (!found) return;
    const counts = this.#counts.get(name);
    if (counts) {
      counts.checked += 1;
      counts.differences += found.length;
    }
    for (const difference of found) {
      notice('a row is not what the log says', { projection: name, sessionId, ...difference });
    }
    await model.dataSource.transaction((manager) =>
      keepDifferences(manager, name, sessionId, found, limits.differencesMax),
    );
  }
}
