import { unknownTokens, type MessageView } from '@playhead/contract';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { listMessages, MessageRow } from '../../projections/messages.ts';
import { ParticipantRow } from '../../projections/participants.ts';
import { listSessions } from '../../projections/session-list/list-sessions.ts';
import type { SessionFilter } from '../../projections/session-list/session-filter.ts';
import { SessionRow } from '../../projections/sessions.ts';
import type { Keyset } from '../../src/projecting/keyset-page.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { openReadModels } from '../support/read-models.ts';
import { byCursor, plainSession, second } from '../support/stored-sessions.ts';

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

const plainMessage = {
  ...{ sessionId: 's', revision: 0, at: second(0), state: 'complete', role: 'user' },
  ...{ source: 'user', participantId: null, agentType: null, agentName: null, model: null },
  ...{ content: '', chunks: 0, ahead: [], turn: null, tokens: null, inputTokens: null },
  ...{ outputTokens: null, costNano: null, durationMs: null, error: null, extra: {} },
  ...{ usage: unknownTokens, attachments: [] },
} satisfies Partial<MessageView>;

const insert = <Row extends object>(entity: new () => Row, rows: readonly object[]) =>
  dataSource.getRepository(entity).insert(rows as object[]);

const id = fc.string({ unit: fc.constantFrom(...`aB1ü🚀'%"`), minLength: 1, maxLength: 6 });

describe('reading by cursor', () => {
  it('gives every session once, in order, while newer ones start', async () => {
    const starts = fc.uniqueArray(fc.record({ id, start: fc.nat(5) }), {
      selector: (one) => one.id,
      minLength: 1,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(starts, fc.integer({ min: 1, max: 7 }), async (some, limit) => {
        await dataSource.query('truncate sessions');
        await insert(
          SessionRow,
          some.map((one) => ({
            ...plainSession,
            sessionId: one.id,
            startedAt: second(one.start),
          })),
        );
        const whole = await listSessions(dataSource, {}, { page: 1, limit: 100 }, 10_000);
        expect(whole.next).toBeUndefined();
        const found = await byCursor(
          (after) => listSessions(dataSource, {}, { page: 1, limit, after }, 10_000),
          (nth) =>
            insert(SessionRow, [
              { ...plainSession, sessionId: `newer ${nth}`, startedAt: second(100 + nth) },
            ]),
        );
        expect(found.map(({ sessionId }) => sessionId)).toEqual(
          whole.rows.map(({ sessionId }) => sessionId),
        );
      }),
      { numRuns: 60 },
    );
  }, 240_000);

  it('gives every message once, in order, with and without a sequence', async () => {
    const some = fc.uniqueArray(fc.record({ id, sequence: fc.option(fc.nat(4)), at: fc.nat(3) }), {
      selector: (one) => one.id,
      minLength: 1,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(some, fc.integer({ min: 1, max: 7 }), async (all, limit) => {
        await dataSource.query('truncate messages');
        const rows = all.map((one) => ({
          ...plainMessage,
          messageId: one.id,
          sequence: one.sequence,
          occurredAt: second(10 + one.at),
        }));
        await insert(MessageRow, rows);
        const whole = await listMessages(dataSource, 's', { page: 1, limit: 100 }, 10_000);
        expect(whole.rows).toHaveLength(all.length);
        const found = await byCursor(
          (after) => listMessages(dataSource, 's', { page: 1, limit, after }, 10_000),
          (nth) =>
            insert(MessageRow, [
              {
                ...plainMessage,
                messageId: `earlier ${nth}`,
                sequence: 0,
                occurredAt: second(nth % 5),
              },
            ]),
        );
        expect(found.map(({ messageId }) => messageId)).toEqual(
          whole.rows.map(({ messageId }) => messageId),
        );
      }),
      { numRuns: 60 },
    );
  }, 240_000);

  it('goes far down a long list by index, whether sequences are there or not', async () => {
    await dataSource.query(`
      insert into messages (session_id, message_id, revision, at, state, role, source, content,
        chunks, ahead, sequence, occurred_at, extra)
      select 's', 'm' || n, n, '', 'complete', 'user', 'user', '', 0, '[]',
        case when n <= 20000 then n end, 'at ' || lpad(n::text, 6, '0'), '{}'
      from generate_series(1, 40000) as n`);
    await dataSource.query('vacuum analyze messages');
    const firstAfter = async (after: Keyset): Promise<unknown> => {
      const page = await listMessages(dataSource, 's', { page: 1, limit: 1, after }, 1);
      return page.rows[0]?.messageId;
    };
    expect(await firstAfter([15_000, 'at 015000', 'm15000'])).toBe('m15001');
    expect(await firstAfter([20_000, 'at 020000', 'm20000'])).toBe('m20001');
    expect(await firstAfter([null, 'at 035000', 'm35000'])).toBe('m35001');
    expect(await firstAfter([null, 'at 040000', 'm40000'])).toBeUndefined();
    const [plan] = await dataSource.query<{ 'QUERY PLAN': [{ Plan: object }] }[]>(
      `explain (analyze, buffers, format json)
       select * from messages where session_id = 's'
         and (sequence, occurred_at, message_id) > (15000, 'at 015000', 'm15000')
       order by sequence, occurred_at, message_id limit 20`,
    );
    const read = JSON.stringify(plan?.['QUERY PLAN'][0].Plan);
    expect(read).toContain('messages_in_order');
    expect(/"Shared Hit Blocks":(\d+)/.exec(read)?.[1]?.length).toBeLessThanOrEqual(2);
  });
});

const labels = fc.dictionary(fc.constantFrom('a', 'b', '__proto__x'), fc.constantFrom('1', `2"'`));
const agent = fc.record({
  agentType: fc.option(fc.constantFrom('claude', 'gemini')),
  model: fc.option(fc.constantFrom('large', 'small')),
});
const anySession = fc.record({
  activity: fc.option(fc.constantFrom('idle', 'working', 'error')),
  model: fc.option(fc.constantFrom('large', 'small')),
  labels,
  start: fc.nat(6),
  agents: fc.array(agent, { maxLength: 3 }),
});
type AnySession = typeof anySession extends fc.Arbitrary<infer One> ? One : never;

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** One or several values of a filter. */
const some = <Value extends string>(...values: readonly Value[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });

const filters = fc.record({
  state: maybe(some('idle', 'working', 'error')),
  labels: maybe(
    fc.array(fc.tuple(fc.constantFrom('a', 'b', '__proto__x'), fc.constantFrom('1', `2"'`)), {
      maxLength: 2,
    }),
  ),
  agentType: maybe(some('claude', 'gemini', 'nobody')),
  model: maybe(some('large', 'small', 'none')),
  from: maybe(fc.nat(6).map(second)),
  to: maybe(fc.nat(6).map(second)),
});

const fits = (one: AnySession, filter: SessionFilter): boolean =>
  (filter.state === undefined || (one.activity !== null && filter.state.includes(one.activity))) &&
  (filter.labels ?? []).every(([key, value]) => one.labels[key] === value) &&
  (filter.agentType === undefined ||
    one.agents.some(({ agentType }) => filter.agentType?.includes(agentType ?? ''))) &&
  (filter.model === undefined ||
    filter.model.includes(one.model ?? '') ||
    one.agents.some(({ model }) => filter.model?.includes(model ?? ''))) &&
  (filter.from === undefined || second(one.start) >= filter.from) &&
  (filter.to === undefined || second(one.start) < filter.to);

describe('the filters of the list of sessions', () => {
  it('leave what going through all sessions would leave, rows and total alike', async () => {
    const many = fc.array(anySession, { minLength: 1, maxLength: 30 });
    const tried = fc.array(filters, { minLength: 8, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(many, tried, async (all, wanted) => {
        await dataSource.query('truncate sessions, participants');
        await insert(
          SessionRow,
          all.map(({ start, agents: _, ...one }, nth) => ({
            ...{ ...plainSession, ...one, sessionId: `s${nth}`, startedAt: second(start) },
          })),
        );
        await insert(
          ParticipantRow,
          all.flatMap(({ agents }, nth) =>
            agents.map((one, k) => ({
              ...{ ...one, sessionId: `s${nth}`, participantId: `p${k}`, revision: 0, at: '' },
              ...{ kind: 'agent', declared: true, extra: {} },
            })),
          ),
        );
        for (const filter of wanted) {
          const page = { page: 1, limit: 100 };
          const { rows, total } = await listSessions(dataSource, filter, page, 10_000);
          const expected = all.flatMap((one, nth) => (fits(one, filter) ? `s${nth}` : []));
          expect(rows.map(({ sessionId }) => sessionId).sort()).toEqual(expected.sort());
          expect(total).toBe(expected.length);
        }
      }),
      { numRuns: 40 },
    );
  }, 240_000);
});
