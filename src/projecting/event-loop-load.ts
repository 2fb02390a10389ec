import { performance } from 'node:perf_hooks';

/** The part of its time that the event loop works, from which on it is busy. */
const BUSY = 0.8;

/** Tells work that can wait whether others need the event loop now. */
export class EventLoopLoad {
  #utilization = performance.eventLoopUtilization();

  /** Whether the event loop had hardly a pause since this was asked last. */
  isBusy(): boolean {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    return utilization > BUSY;
  }
}
