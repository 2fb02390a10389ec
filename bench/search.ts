import type { SearchAnswer } from '@playhead/contract';
import pg from 'pg';
import type { Bench } from './support/bench.ts';
import { filledDatabase, latencies } from './support/filled-database.ts';
import { adminKey, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';
import * as words from './support/searchable.ts';

const SEARCHES = 100;
const PLAIN_SEARCHES = 3;

const filled = filledDatabase(words.fillSearchable);

/**
 * Searches over HTTP for words of one frequency, each another one, one search at a time; beside
 * what one statement takes that leaves it all to the planner.
 */
const search = (frequency: words.Frequency): Bench => ({
  name: `search.${frequency.name}`,
  async run(context) {
    const url = await filled(context);
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
