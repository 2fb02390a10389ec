import { EventLoopLoad } from './event-loop-load.ts';

/** Bounds of the delay. */
export interface DebounceLimits {
  readonly projectionBatchMax: number;
  readonly projectionDebounceMs: number;
  readonly projectionDebounceMsMax: number;
}

/** A batch is debounced by so many times as long as the last one took. */
const FACTOR = 8;

/**
 * Debounces the next batch, for longer the longer the last one took. A batch has a fixed cost, and
 * a row is written once however many of its events touch it: under load larger batches cost less.
 */
export class Debounce {
  readonly #load = new EventLoopLoad();

  constructor(
    private readonly limits: DebounceLimits,
    private readonly isBackground: boolean,
  ) {}

  /** Milliseconds to wait after a batch of so many events that took so many milliseconds. */
  delayMs(taken: number, tookMs: number): number {
    const { projectionBatchMax, projectionDebounceMs, projectionDebounceMsMax } = this.limits;
    const isGivingWay = this.isBackground && this.#load.isBusy();
    if (taken >= projectionBatchMax && !isGivingWay) return 0;
    const longMs = FACTOR * tookMs;
    return Math.max(
      projectionDebounceMs - tookMs,
      isGivingWay ? longMs : Math.min(longMs, projectionDebounceMsMax),
    );
  }
}
