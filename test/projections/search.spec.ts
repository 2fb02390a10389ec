import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { searchMessages, wordsOf } from '../../projections/search/messages.ts';
import type { SearchFilter, SearchLimits } from '../../projections/search/searching.ts';
import { searchSessions } from '../../projections/search/sessions.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { openReadModels } from '../support/read-models.ts';

let database: TestDatabase;
let dataSource: DataSource;

beforeAll(async () => {
  database = await freshDatabase();
  dataSource = await openReadModels(database.url);
});

beforeEach(() => dataSource.query('truncate sessions, messages, participants'));

afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

/** A moment that sorts as its number does. */
const moment = (nth: number): string => `at ${String(nth).padStart(6, '0')}`;

/** Messages in the order of time, each of a session of its own. */
async function put(texts: readonly string[], name: (nth: number) => string | null = () => null) {
  const nths = texts.map((_, nth) => nth);
  await dataSource.query(
    `insert into sessions (session_id, revision, at, status, idle, declared, source, name, labels,
       members, started_at, last_activity_at, counted, extra)
     select 's' || nth, 0, '', case when nth % 2 = 0 then 'ACTIVE' else 'ERROR' end, false, true,
       'api', name, '{}', '[]', at, at, '{}', '{}'
     from unnest($1::int[], $2::text[], $3::text[]) as t (nth, name, at)`,
    [nths, nths.map(name), nths.map(moment)],
  );
  await dataSource.query(
    `insert into messages (session_id, message_id, revision, at, state, role, source, content,
       chunks, ahead, occurred_at, extra)
     select 's' || nth, 'm', 0, '', 'complete', 'user', 'user', content, 0, '[]', at, '{}'
     from unnest($1::int[], $2::text[], $3::text[]) as t (nth, content, at)`,
    [nths, texts, nths.map(moment)],
  );
}

const bounds = (some: Partial<SearchLimits> = {}): SearchLimits => ({
  ...{
    searchFirstMax: 2,
    searchNewestMax: 10_000,
    searchHitsMax: 2_000,
    searchStatementMs: 10_000,
  },
  ...some,
});

const messages = async (
  query: string,
  {
    filter = {},
    limit = 100,
    ...limits
  }: Partial<SearchLimits> & {
    filter?: SearchFilter;
    limit?: number;
  } = {},
) => {
  const words = await wordsOf(dataSource, query);
  const found = await searchMessages(dataSource, words, filter, limit, bounds(limits));
  return { ids: found.hits.map(({ sessionId }) => sessionId), isTruncated: found.isTruncated };
};

const vocabulary = ['Blue', 'whale', 'ÄPFEL', 'öl', 'snake_case', `it's`, '42', 'the', 'THE', '🚀'];
const word = fc.constantFrom(...vocabulary);
const text = fc.array(word, { maxLength: 8 }).map((words) => words.join(' '));

/** The words of a text as people see them. */
const naively = (whole: string): string[] =>
  whole.toLowerCase().match(/[\p{L}\p{N}\p{So}]+/gu) ?? [];

describe('a search of messages', () => {
  it('finds what going through all of them finds, the newest first, whichever way', async () => {
    const ways: Partial<SearchLimits>[] = [
      {},
      { searchFirstMax: 50 },
      { searchHitsMax: 1 },
      { searchHitsMax: 3 },
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 25 }),
        fc.array(word, { minLength: 1, maxLength: 2 }).map((words) => words.join(' ')),
        fc.integer({ min: 1, max: 30 }),
        async (texts, query, limit) => {
          await dataSource.query('truncate sessions, messages');
          await put(texts);
          const wanted = naively(query);
          const expected = texts
            .flatMap((one, nth) =>
              wanted.length > 0 && wanted.every((each) => naively(one).includes(each))
                ? `s${nth}`
                : [],
            )
            .reverse();
          for (const way of ways) {
            const { ids, isTruncated } = await messages(query, { ...way, limit });
            expect(ids).toEqual(expected.slice(0, limit));
            if (expected.length > limit) expect(isTruncated).toBe(true);
            else if (!way.searchHitsMax) expect(isTruncated).toBe(false);
          }
        },
      ),
      { numRuns: 80 },
    );
  }, 240_000);

  it('narrows by status and time before it counts to the limit', async () => {
    await put(Array.from({ length: 40 }, () => 'same words'));
    for (const searchHitsMax of [10, 2_000]) {
      const errors = await messages('same', {
        ...{ searchHitsMax, limit: 3, filter: { statuses: ['ERROR'] } },
      });
      expect(errors.ids).toEqual(['s39', 's37', 's35']);
      const early = await messages('same', {
        ...{ searchHitsMax, limit: 3, filter: { from: moment(2), to: moment(5) } },
      });
      expect(early.ids).toEqual(['s4', 's3', 's2']);
    }
  });

  it('says that there may be more when it has not looked at all', async () => {
    await put([
      ...Array.from({ length: 20 }, () => 'old'),
      ...Array.from({ length: 20 }, () => 'x'),
    ]);
    const found = await messages('old', { searchHitsMax: 5, searchNewestMax: 10 });
    expect(found.isTruncated).toBe(true);
    expect(found.ids.length).toBeGreaterThan(0);
  });

  it('keeps a message of any size, and finds what its first 100,000 characters say', async () => {
    const unique = (length: number): string =>
      Array.from({ length: length / 4 }, (_, nth) => nth.toString(36).padStart(3, 'q')).join(' ');
    const worst = ['ü-'.repeat(450_000), '𠀀 '.repeat(200_000), unique(900_000)];
    await put([...worst, `needle ${'x'.repeat(900_000)}`, `${'y '.repeat(60_000)} beyond`]);
    expect((await messages('needle')).ids).toEqual(['s3']);
    expect((await messages('qq7')).ids).toEqual(['s2']);
    expect((await messages('beyond')).ids).toEqual([]);
  }, 240_000);

  it('gives up what takes too long and says so', async () => {
    await put(Array.from({ length: 500 }, () => 'same words '.repeat(200)));
    const found = await messages('same', { searchHitsMax: 1, searchStatementMs: 1 });
    expect(found.isTruncated).toBe(true);
  });
});

describe('a search of sessions', () => {
  it('finds every text in name or prompt, the newest first, by index and without', async () => {
    const names = ['Blue Whale', 'whale', 'a blue fox', null, 'BLUE WHALES', 'Öl', '100%'];
    await put(
      names.map(() => ''),
      (nth) => names[nth] ?? null,
    );
    for (const searchHitsMax of [1, 2_000]) {
      const limits = bounds({ searchHitsMax });
      const ids = async (...texts: string[]): Promise<string[]> => {
        const { hits } = await searchSessions(dataSource, texts, {}, 10, limits);
        return hits.map(({ sessionId }) => sessionId);
      };
      expect(await ids('whale', 'BLUE')).toEqual(['s4', 's0']);
      expect(await ids('öl')).toEqual(['s5']);
      expect(await ids('0%')).toEqual(['s6']);
      expect(await ids('b_ue')).toEqual([]);
    }
    const one = await searchSessions(dataSource, ['blue'], {}, 1, bounds());
    expect(one).toMatchObject({ hits: [{ sessionId: 's4' }], isTruncated: true });
  });
});
