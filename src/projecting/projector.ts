import { START } from '../log/event-log.ts';
import { CopyLoops } from './copy-loop.ts';
import { ProjectionLoop } from './projection-loop.ts';
import type { Projection } from './projection.ts';
import type { ProjectionStatus, ProjectionContext } from './context.ts';

interface Waiter {
  readonly position: string;
  readonly resolve: () => void;
}

/**
 * Keeps all read models at the head of the log, each at its own pace.
 *
 * This class is the entry of the folder. Read on in `projection.ts` (what a projection is),
 * `projection-loop.ts` (one loop a projection: checkpoint, batch, debounce, standby), then
 * `apply-batch.ts` (the quick way) and `bisecting-apply.ts` (down to a poison event, whose session
 * is parked). `event-source.ts` and `gap-detection.ts` bring the events; `keyset-page.ts` reads.
 * `rebuild/` makes a second copy of a read model, `copy-loop.ts` keeps it up.
 */
export class Projector {
  readonly #loops: readonly ProjectionLoop[];
  readonly #copies: CopyLoops;
  readonly #waiters = new Set<Waiter>();

  /** Starts at once. `status` shows what fails; it is tried again. */
  constructor(projections: readonly Projection[], context: ProjectionContext) {
    this.#loops = projections.map(
      (projection) => new ProjectionLoop(projection, context, () => this.#wakeWaiters()),
    );
    this.#copies = new CopyLoops(projections, context);
  }

  /** Whether some of these read models have parked sessions; asks nobody. */
  hasParked(names: readonly string[]): boolean {
    return this.#loops.some(({ name, parked }) => parked > 0 && names.includes(name));
  }

  /** A session of a read model was folded again on this node: see `refoldSession`. */
  refolded(name: string): void {
    for (const loop of this.#loops) if (loop.name === name) loop.refolded();
  }

  /** For health and metrics; asks nobody. */
  status(): readonly ProjectionStatus[] {
    return this.#loops.map((loop) => loop.status());
  }

  /**
   * True once every read model has applied everything up to a position, false when it has not
   * within some milliseconds. A parked session counts as applied.
   */
  async waitFor(position: string, deadlineMs: number): Promise<boolean> {
    if (this.#hasReached(position)) return true;
    return new Promise((resolve) => {
      const settle = (hasReached: boolean) => {
        clearTimeout(deadline);
        this.#waiters.delete(waiter);
        resolve(hasReached);
      };
      const deadline = setTimeout(() => settle(false), deadlineMs);
      const waiter = { position, resolve: () => settle(true) };
      this.#waiters.add(waiter);
      for (const loop of this.#loops) if (loop.position < position) loop.pollNow();
    });
  }

  /** Lets the batches at work finish. */
  async stop(): Promise<void> {
    await Promise.all([...this.#loops, this.#copies].map((loop) => loop.stop()));
  }

  #hasReached(position: string): boolean {
    return position === START || this.#loops.every((loop) => loop.position >= position);
  }

  #wakeWaiters(): void {
    for (const waiter of this.#waiters) if (this.#hasReached(waiter.position)) waiter.resolve();
  }
}
