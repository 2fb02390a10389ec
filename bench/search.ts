import { projections } from '../projections/index.ts';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/startup/database.ts';
import { SearchController } from '../src/http/search/search.controller.ts';
import type { Bench, BenchContext } from './support/bench.ts';
import { quantile } from './support/quantile.ts';
import { between, common, fillSearchable, rare, type Frequency } from './support/searchable.ts';

const SEARCHES = 60;
const PLAIN_SEARCHES = 5;

/** Filled once; benches and runs only read it. */
let filled: Promise<string> | undefined;

const fill = async (context: BenchContext): Promise<string> => {
  const { url } = await context.freshDatabase();
  await fillSearchable(url);
  return url;
};

/**
 * Searches for words of one frequency, each another one, among 200,000 sessions, beside what one
 * statement takes that leaves it all to the planner.
 */
const search = (frequency: Frequency): Bench => ({
  name: `search.${frequency.name}`,
  async run(context) {
    const url = await (filled ??= fill(context));
    const entities = projections.map(({ entity }) => entity);
    const database = await openDatabase(url, { entities, migrations: [], poolSize: 4 });
    const controller = new SearchController(readConfig({}), database);
    const ours = await latencies(SEARCHES, async (nth) => {
      const body = Buffer.from(JSON.stringify({ query: frequency.word(nth) }));
      const { results } = await controller.search(body);
      if (results.length === 0) throw new Error(`nothing found for ${frequency.word(nth)}`);
    });
    const plain = await latencies(PLAIN_SEARCHES, (nth) =>
      database.query(PLAIN, [frequency.word(nth)]),
    );
    await database.destroy();
    return [
      { name: 'p50', value: quantile(ours, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours, 0.99), unit: 'ms' },
      { name: 'plain.p50', value: quantile(plain, 0.5), unit: 'ms' },
    ];
  },
});

export const searchRare = search(rare);
export const searchBetween = search(between);
export const searchCommon = search(common);

const PLAIN = `
  select session_id, message_id, content from messages
  where to_tsvector('simple', left(content, 100000)) @@ plainto_tsquery('simple', $1)
  order by occurred_at desc, session_id desc, message_id desc limit 20`;

/** How long each took; one goes ahead to warm up. */
async function latencies(times: number, work: (nth: number) => Promise<unknown>) {
  await work(times);
  const measured: number[] = [];
  for (let nth = 0; nth < times; nth += 1) {
    const begin = performance.now();
    await work(nth);
    measured.push(performance.now() - begin);
  }
  return measured;
}
