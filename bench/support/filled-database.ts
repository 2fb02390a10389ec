import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { BenchContext } from './bench.ts';
import { startService } from './program.ts';

/** `PLAYHEAD_BENCH_SESSIONS=1000000` measures what the targets are set for. */
export const SESSIONS = Number(process.env.PLAYHEAD_BENCH_SESSIONS ?? 50_000);

/** Fills tables of a migrated database; their indexes are built afterwards. */
export async function fillTables(
  url: string,
  tables: readonly string[],
  fill: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`set synchronous_commit = off; set maintenance_work_mem = '1GB'`);
    const indexes = await client.query<{ name: string; definition: string }>(
      `select indexname as name, indexdef as definition from pg_indexes
       where tablename = any($1) and indexname not like '%pkey'`,
      [tables],
    );
    for (const { name } of indexes.rows) await client.query(`drop index ${name}`);
    await fill(client);
    for (const { definition } of indexes.rows) await client.query(definition);
    for (const table of tables) await client.query(`vacuum analyze ${table}`);
  } finally {
    await client.end();
  }
}

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
