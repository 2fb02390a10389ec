import { START } from '../log/event-log.ts';
import { ProjectionLoop } from './projection-loop.ts';
import type { Projection } from './projection.ts';
import type { ProjectionStatus, ProjectionSurroundings } from './surroundings.ts';

interface Waiter {
  readonly position: string;
  readonly passed: () => void;
}

/** Keeps all read models at the head of the log, each at its own pace. */
export class Projector {
  readonly #loops: readonly ProjectionLoop[];
  readonly #waiters = new Set<Waiter>();

  /** Starts at once; whatever fails is told by `status` and tried again. */
  constructor(projections: readonly Projection[], around: ProjectionSurroundings) {
    this.#loops = projections.map(
      (projection) => new ProjectionLoop(projection, around, () => this.#tellWaiters()),
    );
  }

  /** For health and metrics; asks nobody. */
  status(): readonly ProjectionStatus[] {
    return this.#loops.map((loop) => loop.status());
  }

  /**
   * True once every read model has taken everything up to a position, false when it has not within
   * some milliseconds. A session set aside counts as taken.
   */
  async waitFor(position: string, deadlineMs: number): Promise<boolean> {
    if (this.#hasPassed(position)) return true;
    return new Promise((resolve) => {
      const settle = (hasPassed: boolean) => {
        clearTimeout(deadline);
        this.#waiters.delete(waiter);
        resolve(hasPassed);
      };
      const deadline = setTimeout(() => settle(false), deadlineMs);
      const waiter = { position, passed: () => settle(true) };
      this.#waiters.add(waiter);
      for (const loop of this.#loops) if (loop.position < position) loop.hurry();
    });
  }

  /** Lets the batches at work finish. */
  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
  }

  #hasPassed(position: string): boolean {
    return position === START || this.#loops.every((loop) => loop.position >= position);
  }

  #tellWaiters(): void {
    for (const waiter of this.#waiters) if (this.#hasPassed(waiter.position)) waiter.passed();
  }
}
