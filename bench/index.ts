import { appendLog } from './append-log.ts';
import type { Bench } from './support/bench.ts';

/** Every bench, in the order they run. */
export const benches: readonly Bench[] = [appendLog(1), appendLog(32), appendLog(256)];
