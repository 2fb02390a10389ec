import {
  compareMessages,
  compareParticipants,
  unknownTokens,
  type MessageView,
  type ParticipantView,
  type SessionView,
} from '@playhead/contract';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { openDatabase } from '../../src/startup/database.ts';
import { listMessages, MessageRow } from '../../projections/messages.ts';
import {
  firstParticipants,
  listParticipants,
  ParticipantRow,
} from '../../projections/participants.ts';
import { listSessions } from '../../projections/session-list/list-sessions.ts';
import type { SessionFilter } from '../../projections/session-list/session-filter.ts';
import { findSession, SessionRow } from '../../projections/sessions.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { plainSession, second } from '../support/stored-sessions.ts';

let database: TestDatabase;
let dataSource: DataSource;

beforeAll(async () => {
  database = await freshDatabase();
  const entities = [SessionRow, MessageRow, ParticipantRow];
  dataSource = await openDatabase(database.url, { entities, migrations: [], poolSize: 4 });
});

beforeEach(() => dataSource.query('truncate sessions, messages, participants'));

afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

const session = (sessionId: string, fields: Partial<SessionView> = {}): SessionView => ({
  ...{ ...plainSession, sessionId, source: 'cli-stream' },
  ...fields,
});

const message = (messageId: string, fields: Partial<MessageView> = {}): MessageView => ({
  ...{ sessionId: 's', messageId, revision: 0, at: second(0), state: 'complete' },
  ...{ role: 'assistant', source: 'agent', participantId: null, agentType: null },
  ...{
    agentName: null,
    model: null,
    content: 'text',
    chunks: 0,
    ahead: [],
    sequence: null,
    turn: null,
  },
  ...{ tokens: null, inputTokens: null, outputTokens: null, costNano: null, durationMs: null },
  ...{ usage: unknownTokens, attachments: [], occurredAt: second(0), error: null, extra: {} },
  ...fields,
});

const participant = (
  participantId: string,
  fields: Partial<ParticipantView> = {},
): ParticipantView => ({
  ...{ sessionId: 's', participantId, revision: 0, at: second(0), kind: 'agent' },
  ...{ declared: true, index: null, name: null, agentType: null, agentVersion: null },
  ...{ cliVersion: null, model: null, prompt: null, joinedAt: null, leftAt: null, extra: {} },
  ...fields,
});

/** Rows as they are; TypeORM's own type for them knows no read-only fields. */
const insert = <Row extends object>(entity: new () => Row, views: readonly object[]) =>
  dataSource.getRepository(entity).insert(views as object[]);

const put = (...views: SessionView[]) => insert(SessionRow, views);

const ids = async (filter: SessionFilter, page = 1, limit = 20): Promise<string[]> => {
  const { rows } = await listSessions(dataSource, filter, { page, limit }, 10_000);
  return rows.map(({ sessionId }) => sessionId);
};

const total = async (filter: SessionFilter): Promise<number> =>
  (await listSessions(dataSource, filter, { page: 1, limit: 1 }, 10_000)).total;

describe('the list of sessions', () => {
  it('gives the newest start first, and of two at once the greater id', async () => {
    await put(
      session('a', { startedAt: second(1) }),
      session('c', { startedAt: second(2) }),
      session('b', { startedAt: second(2) }),
      session('d', { startedAt: second(3) }),
    );
    expect(await ids({})).toEqual(['d', 'c', 'b', 'a']);
  });

  it('holds every session on exactly one page', async () => {
    await put(
      ...Array.from({ length: 45 }, (_, n) => session(`s${n}`, { startedAt: second(n % 7) })),
    );
    const pages = [await ids({}, 1), await ids({}, 2), await ids({}, 3), await ids({}, 4)];
    expect(pages.map(({ length }) => length)).toEqual([20, 20, 5, 0]);
    expect(new Set(pages.flat()).size).toBe(45);
    expect(await total({})).toBe(45);
  });

  it('counts exactly up to the limit and says when there are more', async () => {
    await put(...Array.from({ length: 12 }, (_, n) => session(`s${n}`)));
    const list = (countExactMax: number) =>
      listSessions(dataSource, {}, { page: 1, limit: 5 }, countExactMax);
    expect(await list(12)).toMatchObject({ total: 12, totalIsAtLeast: false });
    expect(await list(11)).toMatchObject({ total: 11, totalIsAtLeast: true });
    expect((await list(11)).rows).toHaveLength(5);
  });

  it('is narrowed by status, source and search, alone and together, rows and total alike', async () => {
    const statuses = ['ACTIVE', 'COMPLETED', 'INTERRUPTED', 'ERROR', 'TERMINATED'] as const;
    const sources = ['web', 'cli-stream', 'cli-upload'] as const;
    const names = ['Blue whale', 'red fox', null];
    const all = statuses.flatMap((status) =>
      sources.flatMap((source) =>
        names.map((name, nth) =>
          session(`${status} ${source} ${nth}`, {
            status,
            source,
            name,
            prompt: `about ${source}`,
          }),
        ),
      ),
    );
    await put(...all);
    for (const status of [undefined, ...statuses]) {
      for (const source of [undefined, ...sources]) {
        for (const search of [undefined, 'WHALE', 'about cli']) {
          const expected = all.filter(
            (one) =>
              (!status || one.status === status) &&
              (!source || one.source === source) &&
              (!search ||
                `${one.name ?? ''}\n${one.prompt}`.toLowerCase().includes(search.toLowerCase())),
          );
          const filter = {
            ...{ status: status && [status], source: source && [source] },
            search,
          };
          expect((await ids(filter, 1, 100)).sort()).toEqual(
            expected.map(({ sessionId }) => sessionId).sort(),
          );
          expect(await total(filter)).toBe(expected.length);
        }
      }
    }
  });

  it.each([
    ['umlauts in either case', 'ÜBER', 'ein Satz über Öl'],
    ['umlauts the other way round', 'öl', 'EIN SATZ ÜBER ÖL'],
    ['a percent sign as itself', '0%', 'only 100% of it'],
    ['an underscore as itself', 'snake_case', 'a snake_case name'],
    ['a backslash as itself', 'C:\\temp', 'look into C:\\Temp\\x'],
    ['quotes as themselves', `o'clock"`, `5 O'CLOCK" sharp`],
    ['a single letter', 'Q', 'a to q'],
    ['text beyond the basic plane', '🚀', 'liftoff 🚀!'],
  ])('finds %s, in name and in prompt', async (_what, search, text) => {
    const unlike = ['only 1000 of it', 'a snakeXcase name', 'look into C:temp', 'ein Satz uber Ol'];
    await put(
      session('by name', { name: text }),
      session('by prompt', { prompt: text }),
      ...unlike.map((name, nth) => session(`unlike ${nth}`, { name, prompt: name })),
    );
    expect((await ids({ search })).sort()).toEqual(['by name', 'by prompt']);
  });

  it('takes any search for text, never for a pattern or a piece of SQL', async () => {
    const texts = fc.string({ unit: fc.constantFrom(...`ab%_\\'";:$1()-`), maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(texts, { maxLength: 6 }), texts, async (names, search) => {
        await dataSource.query('truncate sessions');
        await put(session('none'), ...names.map((name, nth) => session(`${nth}`, { name })));
        const expected = names.filter((name) => name.includes(search));
        const everything = search === '' ? names.length + 1 : expected.length;
        expect(await total({ search })).toBe(everything);
      }),
      { numRuns: 60 },
    );
  });

  it('uses the trigram index for a rare word among many sessions', async () => {
    await dataSource.query(`
      insert into sessions (session_id, revision, at, status, idle, declared, source, name, prompt,
        labels, members, started_at, last_activity_at, counted, extra)
      select 's' || n, 0, '', 'ACTIVE', false, true, 'web', md5(n::text), md5(n::text || 'p'),
        '{}', '[]', '', '', '{}', '{}'
      from generate_series(1, 20000) as n`);
    await put(session('needle', { prompt: 'a Nadel in the haystack' }));
    await dataSource.query('vacuum analyze sessions');
    expect(await ids({ search: 'nadel' })).toEqual(['needle']);
    const plan = await dataSource.query<{ 'QUERY PLAN': string }[]>(
      `explain select 1 from sessions where name ilike '%nadel%' or prompt ilike '%nadel%'`,
    );
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('sessions_by_text');
  });

  it('finds one session by its id, whatever is in it', async () => {
    const id = `a b'"%/ü🚀`;
    await put(session(id, { maxTurns: 1e12, extra: { deep: [{ a: null }] } }));
    expect({ ...(await findSession(dataSource, id)) }).toStrictEqual(
      session(id, { maxTurns: 1e12, extra: { deep: [{ a: null }] } }),
    );
    expect(await findSession(dataSource, 'another')).toBeUndefined();
  });
});

describe('the messages of a session', () => {
  it('come in the order of the contract, page by page', async () => {
    const some = fc.record({
      sequence: fc.option(fc.integer({ min: 0, max: 4 })),
      occurredAt: fc.integer({ min: 0, max: 3 }).map(second),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(some, { minLength: 1, maxLength: 25 }), async (fields) => {
        await dataSource.query('truncate messages');
        const views = fields.map((field, nth) => message(`m${(nth * 7) % 25}`, field));
        const other = message('m0', { sessionId: 'another' });
        await insert(MessageRow, [...views, other]);
        const list = (page: number) => listMessages(dataSource, 's', { page, limit: 10 }, 10_000);
        const pages = [await list(1), await list(2), await list(3)];
        expect(pages.flatMap(({ rows }) => rows.map((row) => ({ ...row })))).toStrictEqual(
          [...views].sort(compareMessages),
        );
        expect(pages[0]?.total).toBe(views.length);
      }),
      { numRuns: 40 },
    );
  });
});

describe('the participants of sessions', () => {
  it('come in the order of the contract', async () => {
    const views = [
      participant('b', { index: 1 }),
      participant('a', { index: 1 }),
      participant('z', { index: 0 }),
      participant('B'),
      participant('a late one'),
    ];
    await insert(ParticipantRow, views);
    const { rows } = await listParticipants(dataSource, 's', { page: 1, limit: 20 }, 10_000);
    expect(rows.map((row) => ({ ...row }))).toStrictEqual([...views].sort(compareParticipants));
  });

  it('are read for a whole page of sessions at once, the first ones of each', async () => {
    const views = ['s', 't', 'u'].flatMap((sessionId, nth) =>
      Array.from({ length: nth * 3 }, (_, index) => participant(`p${index}`, { sessionId, index })),
    );
    await insert(ParticipantRow, views);
    const found = await firstParticipants(dataSource, ['s', 't', 'u'], 4);
    const names = [...found].map(([id, rows]) => [id, rows.map((row) => row.participantId)]);
    expect(names).toEqual([
      ['s', []],
      ['t', ['p0', 'p1', 'p2']],
      ['u', ['p0', 'p1', 'p2', 'p3']],
    ]);
    expect(await firstParticipants(dataSource, [], 4)).toEqual(new Map());
  });
});
