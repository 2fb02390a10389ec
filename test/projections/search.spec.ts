import { comparableInstant, eventTypes, type SessionEvent } from '@playhead/contract';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { projections } from '../../projections/index.ts';
import { rangesOf, termsOf } from '../../projections/search/query.ts';
import { searchEntries } from '../../projections/search/search-entries.ts';
import type { SearchFilter } from '../../projections/search/conditions.ts';
import { TextSearch, type SearchLimits } from '../../projections/search/text-search.ts';
import { openDatabase } from '../../src/startup/database.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { findable } from '../support/findable.ts';

let database: TestDatabase;
let dataSource: DataSource;

beforeAll(async () => {
  database = await freshDatabase();
  const entities = projections.map(({ entity }) => entity);
  dataSource = await openDatabase(database.url, { entities, migrations: [], poolSize: 4 });
});

const empty = () => dataSource.query('truncate sessions, messages, participants, search_entries');

beforeEach(empty);

afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

/** Hours apart, so that entries lie in many cells of time. */
const moment = (nth: number): string =>
  comparableInstant(new Date(Date.UTC(2026, 0, 1) + nth * 3_600_000).toISOString());

const posted = (nth: number, content: string): SessionEvent => ({
  id: `e${nth}`,
  sessionId: `s${nth}`,
  revision: 1,
  position: '',
  type: 'message.posted',
  v: eventTypes['message.posted'].v,
  data: { messageId: 'm', role: 'user', source: 'user', content },
  meta: { at: moment(nth), actor: 'test', commandId: `c${nth}` },
});

/** Messages in the order of time, each of a session of its own, as the read models have them. */
async function put(texts: readonly string[]) {
  const rows = texts.map((content, nth) => ({
    ...searchEntries.evolve(undefined, posted(nth, content)),
    ...{ nth, content },
  }));
  await dataSource.query(
    `insert into search_entries (session_id, entry, revision, at, words, pending)
     select "sessionId", entry, revision, at, words, pending from json_to_recordset($1) as row
       ("sessionId" text, entry text, revision int, at text, words tsvector, pending json)`,
    [JSON.stringify(rows)],
  );
  await dataSource.query(
    `insert into sessions (session_id, revision, at, status, idle, declared, source, labels,
       members, started_at, last_activity_at, counted, extra)
     select 's' || nth, 0, '', case when nth % 2 = 0 then 'ACTIVE' else 'ERROR' end, false, true,
       'api', '{}', '[]', at, at, '{}', '{}'
     from json_to_recordset($1) as row (nth int, at text)`,
    [JSON.stringify(rows)],
  );
  await dataSource.query(
    `insert into messages (session_id, message_id, revision, at, state, role, source, content,
       chunks, ahead, occurred_at, extra)
     select 's' || nth, 'm', 0, '', 'complete', 'user', 'user', content, 0, '[]', at, '{}'
     from json_to_recordset($1) as row (nth int, content text, at text)`,
    [JSON.stringify(rows)],
  );
}

const search = async (
  query: string,
  {
    filter = {},
    limit = 100,
    ...limits
  }: Partial<SearchLimits> & { filter?: SearchFilter; limit?: number } = {},
) => {
  const bounds: SearchLimits = {
    ...{ searchNewestMax: 3, searchRecentMax: 8, searchHitsMax: 2_000 },
    ...{ searchStatementMs: 10_000, searchRecentCacheMs: 1 },
    ...limits,
  };
  const found = await new TextSearch(dataSource, bounds).find(termsOf(query), filter, limit);
  return { ids: found.hits.map(({ sessionId }) => sessionId), isTruncated: found.isTruncated };
};

/** Which texts hold all terms, the newest first, by going through them. */
const naively = (texts: readonly string[], query: string): string[] => {
  const terms = termsOf(query);
  return texts
    .flatMap((text, nth) => {
      const holds = terms.every((term) => rangesOf(text, [term]).length > 0);
      return terms.length > 0 && holds ? [`s${nth}`] : [];
    })
    .reverse();
};

const vocabulary = [
  ...['Blue', 'whale', 'ÄPFEL', 'öl', 'snake_case', 'snakeCase', `it's`, '42', 'the', 'THE', '🚀'],
  ...['src/http/edge.ts', 'http', 'edge.ts', 'getUserById', 'getUser', '0xBEEF', 'beef', 'v1.2.3'],
  ...[
    '搜索测试',
    '索测',
    '桜が咲いて',
    '桜',
    '"the whale"',
    '"getUser by"',
    '1.2',
    'bl',
    '\\',
    `'`,
  ],
];
const word = fc.oneof(
  fc.constantFrom(...vocabulary),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }),
);
const text = fc.array(word, { maxLength: 8 }).map((words) => words.join(' '));

describe('a search', () => {
  it('finds what going through all texts finds, the newest first, however far it goes', async () => {
    const ways: Partial<SearchLimits>[] = [
      {},
      { searchNewestMax: 100 },
      { searchNewestMax: 1, searchRecentMax: 1 },
      { searchNewestMax: 1, searchRecentMax: 12 },
      { searchHitsMax: 2 },
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 25 }),
        fc.array(word, { minLength: 1, maxLength: 2 }).map((words) => words.join(' ')),
        fc.integer({ min: 1, max: 30 }),
        async (texts, query, limit) => {
          await empty();
          await put(texts.map((one) => one.replaceAll('\0', '')));
          const expected = naively(texts, query);
          for (const way of ways) {
            const { ids, isTruncated } = await search(query, { ...way, limit });
            if (way.searchHitsMax && isTruncated) {
              expect(expected.slice(0, ids.length)).toEqual(ids);
              continue;
            }
            expect(ids).toEqual(expected.slice(0, limit));
            expect(isTruncated).toBe(expected.length > limit);
          }
        },
      ),
      { numRuns: 120 },
    );
  }, 240_000);

  it.each(findable)('finds %j in the index', async (content, ...queries) => {
    await put([content, 'something else', 'and more', 'and yet more']);
    for (const query of queries) {
      expect({ query, ...(await search(query, { searchNewestMax: 1 })) }).toEqual({
        ...{ query, ids: ['s0'], isTruncated: false },
      });
    }
  });

  it('narrows by status and time before it counts to the limit', async () => {
    await put(Array.from({ length: 40 }, () => 'same words'));
    for (const searchNewestMax of [1, 5, 2_000]) {
      const errors = await search('same', {
        ...{ searchNewestMax, limit: 3, filter: { statuses: ['ERROR'] } },
      });
      expect(errors.ids).toEqual(['s39', 's37', 's35']);
      const early = await search('same', {
        ...{ searchNewestMax, limit: 3, filter: { from: moment(2), to: moment(5) } },
      });
      expect(early).toEqual({ ids: ['s4', 's3', 's2'], isTruncated: false });
    }
  });

  it('says that there may be more when it has not gone through all', async () => {
    await put([
      ...Array.from({ length: 20 }, () => 'old'),
      ...Array.from({ length: 20 }, () => 'x'),
    ]);
    const found = await search('old', { searchHitsMax: 5, filter: { statuses: ['ERROR'] } });
    expect(found).toEqual({ ids: ['s19', 's17', 's15'], isTruncated: true });
  });

  it('keeps a message of any size, and finds what its first 100,000 characters say', async () => {
    const unique = (length: number): string =>
      Array.from({ length: length / 4 }, (_, nth) => nth.toString(36).padStart(3, 'q')).join(' ');
    const worst = ['ü-'.repeat(450_000), '𠀀 '.repeat(200_000), unique(900_000), 'ﷺ '.repeat(9e4)];
    await put([
      ...[...worst, '字'.repeat(300_000), 'aB'.repeat(90_000)],
      ...[`needle ${'x'.repeat(900_000)}`, `${'y '.repeat(60_000)} beyond`],
    ]);
    expect((await search('needle')).ids).toEqual(['s6']);
    expect((await search('qq7')).ids).toEqual(['s2']);
    expect((await search('字字')).ids).toEqual(['s4']);
    expect((await search('beyond')).ids).toEqual([]);
  }, 240_000);

  it('gives up what takes too long and says so', async () => {
    await put(Array.from({ length: 300 }, (_, nth) => `${nth} same words `.repeat(2_000)));
    const found = await search('"same words"', { searchNewestMax: 300, searchStatementMs: 1 });
    expect(found.isTruncated).toBe(true);
  });
});
