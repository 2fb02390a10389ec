import { setTimeout as sleep } from 'node:timers/promises';

/** Waits before something is tried again: longer each time, and no longer once the signal comes. */
export async function backoff(attempt: number, maxMs: number, signal: AbortSignal) {
  const ms = Math.min(10 * 2 ** attempt, maxMs);
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
