import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { limits } from '../src/config.ts';
import type { Bench } from './support/bench.ts';
import { filledDatabase, latencies } from './support/filled-database.ts';
import { fillListable } from './support/listable.ts';
import { adminKey, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';

const PAGES = 200;
/** Of lists that nobody has asked for just before: there the count is made, too. */
const FIRST_PAGES = 10;
/** The service is compiled while it runs: with 10 pages before, p99 was that of the first pages. */
const WARM_UP_PAGES = 300;
/** After so many pages by cursor a list begins again. */
const PAGES_PER_LIST = 10;

const filled = filledDatabase(fillListable);

/** A list by its parameters, another for each `nth`; one statement gives its first page. */
interface List {
  readonly name: string;
  readonly query: (nth: number) => string;
  readonly plain: string;
}

const sorted = (sort: string, column: string): List => ({
  name: sort,
  query: () => `sort=${sort}`,
  plain: `select sessions.* from session_order join sessions using (session_id)
    order by session_order.${column} desc, session_order.session_id desc limit 21`,
});

const filtered = (name: string, query: (nth: number) => string, condition: string): List => ({
  name,
  query,
  plain: `select * from sessions where ${condition}
    order by started_at desc, session_id desc limit 21`,
});

const lists: readonly List[] = [
  filtered('newest', () => '', 'true'),
  sorted('lastActivity', 'last_activity'),
  ...['messages', 'tokens', 'cost', 'duration', 'name'].map((sort) => sorted(sort, sort)),
  filtered('label', (nth) => `label=team:team${nth % 16}`, `labels::jsonb @> '{"team": "team3"}'`),
  filtered('rare-label', (nth) => `label=user:user${nth}`, `labels::jsonb @> '{"user": "user3"}'`),
  filtered(
    'label-and-status',
    (nth) => `label=team:team${nth % 16}&status=ACTIVE`,
    `labels::jsonb @> '{"team": "team3"}' and status = 'ACTIVE'`,
  ),
  filtered(
    'label-of-old-sessions',
    () => 'label=era:old&status=COMPLETED',
    `labels::jsonb @> '{"era": "old"}' and status = 'COMPLETED'`,
  ),
  filtered('text', (nth) => `search=${(nth * 7 + 256).toString(16)}`, `name ilike '%1a3%'`),
  {
    name: 'tokens-and-status',
    query: () => 'sort=tokens&status=ACTIVE',
    plain: `select sessions.* from session_order join sessions using (session_id)
      where status = 'ACTIVE' order by tokens desc, session_order.session_id desc limit 21`,
  },
];

/** Page after page of a list over HTTP, one at a time; beside the first page by one statement. */
export const listBenches: readonly Bench[] = lists.map(({ name, query, plain }) => ({
  name: `list.${name}`,
  async run(context) {
    const url = await filled(context);
    const service = await startService(url);
    let cursor: string | null = null;
    const page = async (nth: number): Promise<void> => {
      if (nth % PAGES_PER_LIST === 0) cursor = null;
      const list = query(Math.floor(nth / PAGES_PER_LIST));
      cursor = await next(service.url, `${list}${cursor === null ? '' : `&cursor=${cursor}`}`);
    };
    const measure = async () => {
      await latencies(WARM_UP_PAGES, page);
      const pages = await latencies(PAGES, page);
      // Long enough that no count is cached.
      await sleep(2 * limits.countCacheMs);
      return { pages, first: await latencies(FIRST_PAGES, (nth) => next(service.url, query(nth))) };
    };
    const ours = await measure().finally(() => service.stop());
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const plainly = await latencies(3, () => client.query(plain));
    await client.end();
    return [
      { name: 'p50', value: quantile(ours.pages, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours.pages, 0.99), unit: 'ms' },
      { name: 'first.p50', value: quantile(ours.first, 0.5), unit: 'ms' },
      { name: 'plain.p50', value: quantile(plainly, 0.5), unit: 'ms' },
    ];
  },
}));

/** Reads a page and returns the cursor of the next. */
async function next(url: string, query: string): Promise<string | null> {
  const answer = await fetch(`${url}/api/sessions?${query}`, {
    headers: { authorization: `Bearer ${adminKey}` },
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status} ${text}`);
  const { sessions, pagination } = JSON.parse(text) as {
    sessions: unknown[];
    pagination: { next: string | null };
  };
  if (sessions.length === 0) throw new Error(`nothing for ${query}`);
  return pagination.next;
}
