import {
  noTotals,
  type SessionEvent,
  type SessionStatus,
  type SessionView,
} from '@playhead/contract';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import {
  isNumeric,
  listSessions,
  sessionSorts,
  type SessionListOrder,
} from '../../projections/session-list/list-sessions.ts';
import type { SessionFilter } from '../../projections/session-list/session-filter.ts';
import {
  orderedName,
  SessionOrderRow,
  sessionOrder,
} from '../../projections/session-list/session-order.ts';
import { SessionRow, sessions } from '../../projections/sessions.ts';
import { openDatabase } from '../../src/startup/database.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { histories, newEvent } from '../support/histories.ts';
import { repeats } from '../support/repeats.ts';
import { byCursor, plainSession, second } from '../support/stored-sessions.ts';

let database: TestDatabase;
let dataSource: DataSource;

beforeAll(async () => {
  database = await freshDatabase();
  const entities = [SessionRow, SessionOrderRow];
  dataSource = await openDatabase(database.url, { entities, migrations: [], poolSize: 4 });
});

beforeEach(() => dataSource.query('truncate sessions, session_order, participants'));

afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

/** What a session's list entry is ordered by, from its view. */
const keysOf = (view: SessionView): Record<SessionListOrder['sort'], string | number> => ({
  started: view.startedAt,
  lastActivity: view.lastActivityAt,
  messages: view.counted.messages,
  tokens: view.counted.tokens,
  cost: view.counted.costNano,
  duration: view.counted.durationMs,
  name: orderedName(view.name ?? ''),
});

describe('the order of sessions', () => {
  it('follows the views of the sessions, event by event', () => {
    fc.assert(
      fc.property(histories(60), (happenings) => {
        const views = new Map<string, SessionRow>();
        const rows = new Map<string, SessionOrderRow>();
        for (const [revision, happening] of happenings.entries()) {
          const { sessionId } = happening;
          const event: SessionEvent = {
            ...{ ...newEvent(happening), sessionId, revision, position: '' },
          };
          expect(sessionOrder.keys(event)).toEqual(sessions.keys(event));
          for (const key of sessions.keys(event)) {
            views.set(key, sessions.evolve(views.get(key), event) as SessionRow);
            rows.set(key, sessionOrder.evolve(rows.get(key), event) as SessionOrderRow);
          }
        }
        for (const [sessionId, view] of views) {
          const { started, ...others } = keysOf(view);
          const { declared } = view;
          expect(rows.get(sessionId)).toMatchObject({ ...others, startedAt: started, declared });
        }
      }),
      { numRuns: repeats({ few: 300, all: 2_000 }) },
    );
  });

  it('has names without case, accents and what surrounds them, and none that is half a character', () => {
    expect(orderedName('  Ärger im Büro ')).toBe('arger im buro');
    expect(orderedName('ﬁne ℌ Ⅳ')).toBe('fine h iv');
    const long = orderedName(`${'x'.repeat(199)}🚀`);
    expect(long).toBe('x'.repeat(199));
    expect(orderedName('')).toBe('');
  });
});

const statuses = ['ACTIVE', 'ERROR'] as const;
const anySession = fc.record({
  start: fc.nat(5),
  lastActivity: fc.nat(5),
  messages: fc.nat(3),
  tokens: fc.constantFrom(0, 7, 1e12, 3e21),
  cost: fc.nat(3),
  duration: fc.constantFrom(0, 0.001, 1e-5, 1500.25, 1e13),
  name: fc.constantFrom(null, 'b', 'B', 'ä', 'a', 'zebra 🚀'),
  status: fc.constantFrom<SessionStatus>(...statuses),
});
type AnySession = typeof anySession extends fc.Arbitrary<infer One> ? One : never;

const viewOf = (
  one: Omit<AnySession, 'tokens'> & { tokens: number },
  nth: number,
): SessionView => ({
  ...{ ...plainSession, sessionId: `s${nth}`, status: one.status, name: one.name },
  ...{ startedAt: second(one.start), lastActivityAt: second(one.lastActivity) },
  counted: {
    ...{ ...noTotals, messages: one.messages, tokens: one.tokens, costNano: one.cost },
    durationMs: one.duration,
  },
});

const orderRowOf = (view: SessionView): object => ({
  ...{ ...keysOf(view), sessionId: view.sessionId, revision: 0, declared: true, named: true },
  startedAt: view.startedAt,
});

const insert = <Row extends object>(entity: new () => Row, rows: readonly object[]) =>
  dataSource.getRepository(entity).insert(rows as object[]);

/** By what is ordered by and then by the id, as bytes compare. */
function inOrder(views: readonly SessionView[], { sort, direction }: SessionListOrder): string[] {
  const bytes = (text: string) => Buffer.from(text);
  const compare = (one: SessionView, other: SessionView): number => {
    const [a, b] = [keysOf(one)[sort], keysOf(other)[sort]];
    const byKey = isNumeric(sort)
      ? Number(a) - Number(b)
      : Buffer.compare(bytes(String(a)), bytes(String(b)));
    return byKey || Buffer.compare(bytes(one.sessionId), bytes(other.sessionId));
  };
  const ids = [...views].sort(compare).map(({ sessionId }) => sessionId);
  return direction === 'asc' ? ids : ids.reverse();
}

async function idsByCursor(
  filter: SessionFilter,
  limit: number,
  order: SessionListOrder,
): Promise<string[]> {
  const rows = await byCursor((after) =>
    listSessions(dataSource, filter, { page: 1, limit, after }, 10_000, order),
  );
  return rows.map(({ sessionId }) => sessionId);
}

const orders = sessionSorts.flatMap((sort) =>
  (['asc', 'desc'] as const).map((direction) => ({ sort, direction })),
);

describe('the list of sessions', () => {
  it.each(orders)(
    'is in order by $sort, $direction, page by page',
    async (order) => {
      const filters = fc.constantFrom<SessionFilter>(
        {},
        { status: ['ERROR'] },
        { status: ['ERROR', 'ACTIVE'] },
        { from: second(2), to: second(5) },
        { search: 'b' },
      );
      const fits = ({ status, startedAt, name }: SessionView, filter: SessionFilter): boolean =>
        (!filter.status || filter.status.includes(status)) &&
        (!filter.from || (startedAt >= filter.from && startedAt < (filter.to ?? ''))) &&
        (!filter.search || !!name?.toLowerCase().includes(filter.search));
      const some = fc.array(anySession, { minLength: 1, maxLength: 25 });
      await fc.assert(
        fc.asyncProperty(
          some,
          filters,
          fc.integer({ min: 1, max: 9 }),
          async (all, filter, limit) => {
            await dataSource.query('truncate sessions, session_order');
            const views = all.map(viewOf);
            await insert(SessionRow, views);
            await insert(SessionOrderRow, views.map(orderRowOf));
            const expected = inOrder(
              views.filter((view) => fits(view, filter)),
              order,
            );
            expect(await idsByCursor(filter, limit, order)).toEqual(expected);
            const page = { page: 2, limit };
            const second = await listSessions(dataSource, filter, page, 10_000, order);
            expect(second.rows.map(({ sessionId }) => sessionId)).toEqual(
              expected.slice(limit, 2 * limit),
            );
            expect(second.total).toBe(expected.length);
          },
        ),
        { numRuns: 25 },
      );
    },
    120_000,
  );

  it.each(orders)('finds by $sort, $direction, what fits far down', async (order) => {
    await dataSource.query(`
      insert into sessions (session_id, revision, at, status, idle, declared, source, name,
        labels, members, started_at, last_activity_at, counted, extra)
      select 's' || lpad(n::text, 5, '0'), 0, '',
        case when n between 2990 and 3010 then 'ERROR' else 'ACTIVE' end,
        false, true, 'web', '', '{}', '[]', lpad(n::text, 5, '0'), '', '{}', '{}'
      from generate_series(1, 6000) as n`);
    await dataSource.query(`
      insert into session_order (session_id, revision, last_activity, messages, tokens, cost,
        duration, name, named, declared, started_at)
      select session_id, 0, started_at, started_at::int, started_at::int, started_at::int,
        started_at::int, started_at, true, true, started_at from sessions`);
    const ids = Array.from({ length: 21 }, (_, nth) => `s0${2990 + nth}`);
    const expected = order.direction === 'asc' ? ids : ids.reverse();
    for (const filter of [{ status: ['ERROR'] }, { status: ['ERROR', 'TERMINATED'] }] as const) {
      expect(await idsByCursor(filter, 5, order)).toEqual(expected);
    }
    const everything = await idsByCursor({}, 100, order);
    expect(new Set(everything).size).toBe(6000);
    expect(everything).toEqual([...everything].sort(order.direction === 'asc' ? undefined : down));
  });

  it('goes on beyond sessions whose own read model is behind', async () => {
    const views = Array.from({ length: 9 }, (_, nth) => viewOf({ ...plain, tokens: nth }, nth));
    await insert(SessionRow, views.slice(0, 6));
    await insert(SessionOrderRow, views.map(orderRowOf));
    const order = { sort: 'tokens', direction: 'desc' } as const;
    expect(await idsByCursor({}, 2, order)).toEqual(['s5', 's4', 's3', 's2', 's1', 's0']);
    expect(await idsByCursor({ status: ['ACTIVE', 'ERROR'] }, 2, order)).toHaveLength(6);
  });
});

const down = (one: string, other: string): number => (one < other ? 1 : -1);
const plain: AnySession = {
  ...{ start: 0, lastActivity: 0, messages: 0, tokens: 0, cost: 0, duration: 0, name: null },
  status: 'ACTIVE',
};
