import {
  compareText,
  sessionStream,
  type ParticipantView,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import { pino } from 'pino';
import { limits, readConfig, type Limits } from '../../src/config.ts';
import { sessionShape } from '../../src/http/sessions/session-shapes.ts';
import { sessionEventsOf } from '../../src/projecting/event-source.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openPostgresLog } from '../../src/log/postgres/index.ts';
import { startService, type Service } from '../../src/startup/service.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { pastOf, random, randomSession } from '../support/past.ts';

/* The list of sessions as it was, compared with the folds of all events up to there. */

const SESSIONS = 30;
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
const next = random(seed);
const among = (count: number): number => Math.floor(next() * count);
const admin = 'ph_admin_key_of_this_test';

let database: TestDatabase;
let service: Service;
let log: EventLog;
let events: SessionEvent[];

async function started(changed: Partial<Record<keyof Limits, number>> = {}): Promise<Service> {
  const config = readConfig({
    PORT: '0',
    DATABASE_URL: database.url,
    EVENTSTORE_URL: '',
    PLAYHEAD_ADMIN_KEY: admin,
    PLAYHEAD_REQUESTS_PER_MINUTE: '1000000',
  });
  const own = { ...config, limits: { ...limits, historySnapshotEvery: 5, ...changed } };
  return startService(own, pino({ level: 'silent' }), () => undefined);
}

const request = (path: string, of = service): Promise<Response> =>
  fetch(of.url + path, { headers: { authorization: `Bearer ${admin}` } });

interface Listed {
  readonly sessions: { readonly sessionId: string }[];
  readonly pagination: { readonly total: number; readonly next: string | null };
  readonly cost: { readonly events: number; readonly sessions: number };
}

async function list(query: string): Promise<Listed> {
  const answer = await request(`/api/sessions?${query}`);
  if (answer.status !== 200) throw new Error(`seed ${seed}: ${query}: ${await answer.text()}`);
  return (await answer.json()) as Listed;
}

beforeAll(async () => {
  database = await freshDatabase();
  log = await openPostgresLog({ ...limits, connectionString: database.url });
  // All sessions at once, an event here, an event there.
  const histories = Array.from({ length: SESSIONS }, (_, nth) => ({
    stream: sessionStream(`s ${nth}/🚀`),
    left: randomSession(seed + nth, 1 + among(30)),
    expected: -1,
  }));
  let at = 1_760_000_000_000;
  for (;;) {
    const going = histories.filter(({ left }) => left.length > 0);
    const one = going[among(going.length)];
    const event = one?.left.shift();
    if (!one || !event) break;
    at += among(3);
    const meta = { ...event.meta, at: new Date(at).toISOString() };
    const { stream, expected } = one;
    const appended = await log.append({ stream, expected, events: [{ ...event, meta }] });
    one.expected = appended.revision;
  }
  events = sessionEventsOf(await log.readAll({ after: '', limit: 100_000 }));
  service = await started();
}, 90_000);

afterAll(async () => {
  await service.stop();
  await log.close();
  await database.drop();
});

interface Then {
  readonly session: SessionView;
  readonly participants: readonly ParticipantView[];
}

/** What lists show of the sessions after some events; no list takes chunks. */
function sessionsAfter(some: readonly SessionEvent[]): Then[] {
  const bySession = new Map<string, SessionEvent[]>();
  for (const event of some) {
    if (event.type === 'message.chunked') continue;
    const own = bySession.get(event.sessionId) ?? [];
    own.push(event);
    bySession.set(event.sessionId, own);
  }
  return [...bySession.values()].flatMap((own) => {
    const { session, participants } = pastOf(own);
    return session ? { session, participants } : [];
  });
}

const newestFirst = (a: Then, b: Then): number =>
  compareText(b.session.startedAt, a.session.startedAt) ||
  compareText(b.session.sessionId, a.session.sessionId);

const shaped = (sessions: readonly Then[]): unknown =>
  JSON.parse(
    JSON.stringify(
      sessions.map(({ session, participants }) => sessionShape(session, participants)),
    ),
  );

it('at a position: every session as it was, whole, in order, and what that cost', async () => {
  for (let nth = 0; nth < 60; nth += 1) {
    const at = events[among(events.length)]?.position ?? '';
    const then = sessionsAfter(events.filter(({ position }) => position <= at)).sort(newestFirst);
    const { sessions, pagination, cost } = await list(`at=${at}&limit=100`);
    expect({ seed, at, sessions }).toEqual({ seed, at, sessions: shaped(then) });
    expect(pagination.total).toBe(then.length);
    const since = events.filter(({ position }) => position > at);
    expect(cost.events).toBeGreaterThanOrEqual(since.length);
    expect(cost.sessions).toBeLessThanOrEqual(new Set(since.map((one) => one.sessionId)).size);
  }
}, 60_000);

it('at a time: what had been accepted by then', async () => {
  for (let nth = 0; nth < 40; nth += 1) {
    const at = events[among(events.length)]?.meta.at ?? '';
    const then = sessionsAfter(events.filter(({ meta }) => meta.at <= at)).sort(newestFirst);
    const { sessions } = await list(`at=${at}&limit=100`);
    expect({ seed, at, sessions }).toEqual({ seed, at, sessions: shaped(then) });
  }
  expect((await list('at=2000-01-01')).sessions).toEqual([]);
  const { sessions, cost } = await list('at=2100-01-01&limit=100');
  expect(sessions).toEqual(shaped(sessionsAfter(events).sort(newestFirst)));
  expect(cost).toEqual({ events: 0, sessions: 0 });
}, 60_000);

it('filters, orders and pages it as the list of now', async () => {
  const sortKeys: Record<string, (one: SessionView) => string | number> = {
    messages: ({ counted }) => counted.messages,
    tokens: ({ counted }) => counted.tokens,
    lastActivity: ({ lastActivityAt }) => lastActivityAt,
  };
  for (let nth = 0; nth < 40; nth += 1) {
    const at = events[among(events.length)]?.position ?? '';
    const all = sessionsAfter(events.filter(({ position }) => position <= at));
    const status = ['ACTIVE', 'COMPLETED', 'ERROR', 'INTERRUPTED'][among(4)] ?? '';
    const [sort = '', keyOf = () => 0] = Object.entries(sortKeys)[among(3)] ?? [];
    const order = among(2) ? 'asc' : 'desc';
    const sign = order === 'asc' ? 1 : -1;
    const then = all
      .filter(({ session }) => session.status === status)
      .sort((a, b) => {
        const [x, y] = [keyOf(a.session), keyOf(b.session)];
        const byKey = typeof x === 'number' ? x - Number(y) : compareText(x, String(y));
        return sign * (byKey || compareText(a.session.sessionId, b.session.sessionId));
      });
    const query = `at=${at}&status=${status}&sort=${sort}&order=${order}&limit=2`;
    const found: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await list(`${query}${cursor && `&cursor=${cursor}`}`);
      expect(page.pagination.total).toBe(then.length);
      found.push(...page.sessions);
      cursor = page.pagination.next;
    }
    expect({ seed, query, found }).toEqual({ seed, query, found: shaped(then) });
  }
}, 60_000);

it('what cannot be a moment of the log is refused by name', async () => {
  const hostile = ['', '-1', '1.5', 'now', '2026-13-01', '9'.repeat(16), '9'.repeat(101), '0&at=1'];
  for (const at of hostile) {
    const answer = await request(`/api/sessions?at=${at}`);
    const { code, field } = (await answer.json()) as { code: string; field: string };
    expect({ at, code, field, status: answer.status }).toEqual({
      ...{ at, code: 'invalid', field: 'at', status: 400 },
    });
  }
});

it('is refused when it would cost more than it may', async () => {
  const first = events[0]?.position ?? '';
  const last = events.at(-1)?.position ?? '';
  const bounds: Partial<Record<keyof Limits, number>>[] = [
    ...[{ listAtSessionsMax: 3 }, { listAtEventsMax: 20 }, { listsAtMax: 0 }],
  ];
  for (const changed of bounds) {
    const other = await started(changed);
    const answer = await request(`/api/sessions?at=${first}`, other);
    const { code } = (await answer.json()) as { code: string };
    const expected = 'listsAtMax' in changed ? [503, 'overloaded'] : [413, 'too-large'];
    expect([answer.status, code]).toEqual(expected);
    const near = await request(`/api/sessions?at=${last}`, other);
    expect(near.status).toBe('listsAtMax' in changed ? 503 : 200);
    await other.stop();
  }
}, 60_000);

it('shows a session whose name no table can hold', async () => {
  const stream = sessionStream('odd');
  const meta = { at: '2026-01-01T00:00:00.000Z', actor: 'key:t', commandId: 'c' };
  const happenings = [
    ['session.started', { source: 'web' }],
    ['session.renamed', { name: 'a\u0000b' }],
    ['session.idled', {}],
  ] as const;
  const positions: string[] = [];
  for (const [type, data] of happenings) {
    const one = { id: crypto.randomUUID(), type, v: 1, data, meta };
    const expected = positions.length - 1;
    positions.push((await log.append({ stream, expected, events: [one] })).position);
  }
  const { sessions } = await list(`at=${positions[1]}&from=2026-01-01&to=2026-01-02`);
  expect(sessions).toMatchObject([{ sessionId: 'odd', name: 'a\ufffdb', idle: false }]);
});
