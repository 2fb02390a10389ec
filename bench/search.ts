import type { SearchAnswer } from '@playhead/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Bench, BenchContext } from './support/bench.ts';
import { adminKey, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';
import * as words from './support/searchable.ts';

const SEARCHES = 100;
const PLAIN_SEARCHES = 3;

/** Filled once; benches and runs only read it. */
let filled: Promise<string> | undefined;

const fill = async (context: BenchContext): Promise<string> => {
  const { url } = await context.freshDatabase();
  // A service that finds no checkpoints empties its read models; these are to stay.
  const service = await startService(url);
  await isReady(service.url).finally(() => service.stop());
  await words.fillSearchable(url);
  return url;
};

/**
 * Searches over HTTP for words of one frequency, each another one, one search at a time; beside
 * what one statement takes that leaves it all to the planner.
 */
const search = (frequency: words.Frequency): Bench => ({
  name: `search.${frequency.name}`,
  async run(context) {
    const url = await (filled ??= fill(context));
    const service = await startService(url);
    // A service that goes on would keep a run that failed from ending.
    for (let nth = 0; nth < 5; nth += 1) await searched(service.url, frequency, SEARCHES + nth);
    const ours = await latencies(SEARCHES, (nth) => searched(service.url, frequency, nth)).finally(
      () => service.stop(),
    );
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const plain = await latencies(PLAIN_SEARCHES, (nth) =>
      client.query(PLAIN, [frequency.query(nth)]),
    );
    await client.end();
    return [
      { name: 'p50', value: quantile(ours, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours, 0.99), unit: 'ms' },
      { name: 'plain.p50', value: quantile(plain, 0.5), unit: 'ms' },
    ];
  },
});

async function isReady(url: string): Promise<void> {
  while ((await fetch(`${url}/health/ready`)).status !== 200) await sleep(100);
}

export const searchRare = search(words.rare);
export const searchBetween = search(words.between);
export const searchCommon = search(words.common);
export const searchTwo = search(words.two);
export const searchPrefix = search(words.prefix);
export const searchAbsent = search(words.absent);

async function searched(
  url: string,
  { query, isAbsent }: words.Frequency,
  nth: number,
): Promise<void> {
  const answer = await fetch(`${url}/api/search`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: query(nth) }),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status} ${text}`);
  const { results } = JSON.parse(text) as SearchAnswer;
  const isRight = isAbsent ? results.length === 0 : results.length > 0;
  if (!isRight) throw new Error(`${results.length} results for ${query(nth)}`);
}

/** Words are looked up in the same index, without prefixes. */
const PLAIN = `
  select session_id, entry from search_entries
  where words @@ plainto_tsquery('simple', $1)
  order by at desc, session_id desc, entry desc limit 20`;

/** How long each took. */
async function latencies(times: number, work: (nth: number) => Promise<unknown>) {
  const measured: number[] = [];
  for (let nth = 0; nth < times; nth += 1) {
    const begin = performance.now();
    await work(nth);
    measured.push(performance.now() - begin);
  }
  return measured;
}
