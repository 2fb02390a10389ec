import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from './bench.ts';
import { startService } from './program.ts';

/** A database with read models that a function fills once; benches and runs only read it. */
export function filledDatabase(
  fill: (url: string) => Promise<void>,
): (context: BenchContext) => Promise<string> {
  let filled: Promise<string> | undefined;
  return (context) => (filled ??= fillNew(context, fill));
}

async function fillNew(
  context: BenchContext,
  fill: (url: string) => Promise<void>,
): Promise<string> {
  const { url } = await context.freshDatabase();
  // A service that finds no checkpoints empties its read models; these are to stay.
  const service = await startService(url);
  await isReady(service.url).finally(() => service.stop());
  await fill(url);
  return url;
}

async function isReady(url: string): Promise<void> {
  while ((await fetch(`${url}/health/ready`)).status !== 200) await sleep(100);
}

/** How long each took, in milliseconds, one after the other. */
export async function latencies(times: number, work: (nth: number) => Promise<unknown>) {
  const measured: number[] = [];
  for (let nth = 0; nth < times; nth += 1) {
    const begin = performance.now();
    await work(nth);
    measured.push(performance.now() - begin);
  }
  return measured;
}
