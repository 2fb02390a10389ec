import type { SessionEvent, SessionView } from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { ingestKey, RunningService } from '../support/service.ts';

/* What people read of sessions that AgentPipe reported, against the service as a user runs it. */

let database: TestDatabase;
let service: RunningService;

interface Item extends SessionView {
  readonly id: string;
  readonly _count: { messages: number };
}

interface List {
  readonly sessions: Item[];
  readonly pagination: { page: number; limit: number; total: number; totalPages: number };
}

const list = (query = ''): Promise<List> => service.get<List>(`/api/sessions${query}`);
const path = (id: string): string => `/api/sessions/${encodeURIComponent(id)}`;

const minute = (n: number): string => new Date(Date.UTC(2025, 9, 15, 10, n)).toISOString();
const odd = `a b/ü"'%🚀`;

async function report(type: string, n: number, data: object): Promise<void> {
  const body = JSON.stringify({ type, timestamp: minute(n), data });
  const answer = await service.ingest(body);
  if (answer.status > 201) throw new Error(answer.text);
}

const start = (id: string, n: number, prompt: string): Promise<void> =>
  report('conversation.started', n, {
    ...{ conversation_id: id, mode: 'round-robin', initial_prompt: prompt, max_turns: 10 },
    participants: [
      { agent_id: 'claude-0', agent_type: 'claude', name: 'Ada', model: 'claude-sonnet-4' },
      { agent_id: 'claude-2', agent_type: 'claude', name: 'Bob' },
    ],
  });

const say = (id: string, n: number, sequence: number, fields: object = {}): Promise<void> =>
  report('message.created', n, {
    ...{ conversation_id: id, message_id: `${id} ${sequence}`, agent_id: 'claude-0' },
    ...{ agent_type: 'claude', agent_name: 'Ada', content: `text ${sequence}` },
    ...{ sequence_number: sequence, turn_number: sequence, ...fields },
  });

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
  await start('first', 1, 'Compare 100% of the Größen');
  await start(odd, 2, 'Something else');
  for (let n = 0; n < 43; n += 1) await start(`many ${n}`, 10 + n, `number ${n}`);
  // The producer's numbers decide about the order, not the order of arrival.
  for (const sequence of [3, 1, 2]) await say(odd, 5 + sequence, sequence);
  await say('first', 3, 1, { tokens_used: 120, cost: 0.0025, duration_ms: 1500 });
  await say('first', 4, 2, { tokens_used: 30, cost: 0.0005, duration_ms: 500 });
  await report('conversation.completed', 6, {
    ...{ conversation_id: 'first', status: 'completed', total_messages: 9, total_tokens: 999 },
    ...{ summary: { text: 'all of it', cost: 0.001 } },
  });
  await report('conversation.error', 7, { conversation_id: 'many 1', error_message: 'it broke' });
  await service.caughtUp();
}, 60_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
});

describe('GET /api/sessions', () => {
  it('gives page 1 of 20, newest start first, with participants and message count', async () => {
    const { sessions, pagination } = await list();
    expect(pagination).toMatchObject({ page: 1, limit: 20, total: 45, totalPages: 3 });
    expect(sessions).toHaveLength(20);
    expect(sessions.map(({ id }) => id).slice(0, 3)).toEqual(['many 42', 'many 41', 'many 40']);
    expect(sessions[0]).toMatchObject({
      status: 'ACTIVE',
      source: 'cli-stream',
      mode: 'round-robin',
      initialPrompt: 'number 42',
      maxTurns: 10,
      startedAt: '2025-10-15T10:52:00.000000000Z',
      completedAt: null,
      errorMessage: null,
      participants: [
        { agentId: 'claude-0', agentType: 'claude', agentName: 'Ada', model: 'claude-sonnet-4' },
        { agentId: 'claude-2', agentType: 'claude', agentName: 'Bob', model: null },
      ],
      _count: { messages: 0 },
    });
  });

  it('holds every session on one of its pages', async () => {
    const pages = await Promise.all([1, 2, 3].map((page) => list(`?page=${page}`)));
    const ids = pages.flatMap(({ sessions }) => sessions.map(({ id }) => id));
    expect(new Set(ids).size).toBe(45);
    expect(ids.slice(-2)).toEqual([odd, 'first']);
    expect((await list('?page=4')).sessions).toEqual([]);
    expect((await list('?limit=100')).sessions.map(({ id }) => id)).toEqual(ids);
  });

  it('is narrowed by status, source and search, alone and together, with its total', async () => {
    const found = async (query: string): Promise<[number, string[]]> => {
      const { sessions, pagination } = await list(query);
      return [pagination.total, sessions.map(({ id }) => id)];
    };
    expect(await found('?status=COMPLETED')).toEqual([1, ['first']]);
    expect(await found('?status=ERROR')).toEqual([1, ['many 1']]);
    expect((await found('?status=ERROR,COMPLETED'))[1].sort()).toEqual(['first', 'many 1']);
    expect((await found('?status=ERROR&status=COMPLETED'))[0]).toBe(2);
    expect((await found('?status=ACTIVE'))[0]).toBe(43);
    expect((await found('?source=cli-stream'))[0]).toBe(45);
    expect(await found('?source=web')).toEqual([0, []]);
    expect(await found(`?search=${encodeURIComponent('DER GRÖßEN')}`)).toEqual([0, []]);
    expect(await found(`?search=${encodeURIComponent('GRÖßEN')}`)).toEqual([1, ['first']]);
    expect(await found(`?search=${encodeURIComponent('00%')}`)).toEqual([1, ['first']]);
    const four = ['many 42', 'many 41', 'many 40', 'many 4'];
    expect(await found('?search=NUMBER%204')).toEqual([4, four]);
    expect(await found('?search=number&status=ERROR&source=cli-stream')).toEqual([1, ['many 1']]);
    expect(await found('?search=number&status=COMPLETED')).toEqual([0, []]);
  });

  it.each([
    ['page', 'page=0'],
    ['page', 'page=-1'],
    ['page', 'page=1.5'],
    ['page', 'page=1e1'],
    ['page', 'page='],
    ['page', 'page=99999999999999999999'],
    ['page', 'page=1&page=2'],
    ['limit', 'limit=0'],
    ['limit', 'limit=101'],
    ['limit', 'limit=all'],
    ['status', 'status=FOO'],
    ['status', 'status=active'],
    ['source', 'source=cli'],
    ['search', 'search=%00'],
    ['search', 'search=a&search=b'],
    ['statsu', 'statsu=ACTIVE'],
  ])('refuses a wrong %s by its name (%s)', async (field, query) => {
    const { status, headers, body } = await service.request(`/api/sessions?${query}`);
    expect(status).toBe(400);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(body).toMatchObject({ code: 'invalid', field, retry: false });
  });

  it('is for keys that may read', async () => {
    expect((await service.request('/api/sessions', { key: null })).status).toBe(401);
    expect((await service.request('/api/sessions', { key: 'wrong' })).status).toBe(401);
    expect((await service.request('/api/sessions', { key: ingestKey })).status).toBe(403);
  });
});

describe('GET /api/sessions/:id', () => {
  it('gives one session with our totals, and what the producer said beside them', async () => {
    expect(await service.get(path('first'))).toMatchObject({
      id: 'first',
      status: 'COMPLETED',
      completedAt: '2025-10-15T10:06:00.000000000Z',
      totalMessages: 2,
      totalTokens: 150,
      totalCost: 0.003,
      totalDuration: 2000,
      counted: { messages: 2, tokens: 150, costNano: 3_000_000, durationMs: 2000 },
      reported: { messages: 9, tokens: 999 },
      summaryText: 'all of it',
      summaryCost: 0.001,
      participants: [{ id: 'claude-0' }, { id: 'claude-2' }],
      _count: { messages: 2 },
    });
  });

  it('finds a session whatever is in its id', async () => {
    expect(await service.get(path(odd))).toMatchObject({ id: odd, _count: { messages: 3 } });
  });

  it.each(['', '/messages', '/participants', '/events'])(
    'answers not-found for a session that is not there%s',
    async (part) => {
      for (const id of ['nobody', '%00', '%20', 'x'.repeat(300)]) {
        const { status, body } = await service.request(`/api/sessions/${id}${part}`);
        expect([id, status]).toEqual([id, 404]);
        expect(body).toMatchObject({ code: 'not-found' });
      }
    },
  );
});

describe('the messages of a session', () => {
  interface Messages {
    readonly messages: { id: string; sequenceNumber: number }[];
    readonly pagination: List['pagination'];
  }
  const page = (id: string, query = ''): Promise<Messages> =>
    service.get(`${path(id)}/messages${query}`);

  it('come in sequence order, page by page, under the names that pages read', async () => {
    const { messages, pagination } = await page(odd);
    expect(messages.map(({ sequenceNumber }) => sequenceNumber)).toEqual([1, 2, 3]);
    expect(pagination).toMatchObject({ page: 1, limit: 20, total: 3, totalPages: 1 });
    const second = await page(odd, '?page=2&limit=2');
    expect(second.messages.map(({ id }) => id)).toEqual([`${odd} 3`]);
    expect(second.pagination).toMatchObject({ page: 2, limit: 2, total: 3, totalPages: 2 });
    expect((await page('first')).messages[0]).toMatchObject({
      agentId: 'claude-0',
      agentName: 'Ada',
      agentType: 'claude',
      content: 'text 1',
      timestamp: '2025-10-15T10:03:00.000000000Z',
      turnNumber: 1,
      totalTokens: 120,
      cost: 0.0025,
      duration: 1500,
    });
  });

  it('are none for a session without messages', async () => {
    const { messages, pagination } = await page('many 3');
    expect([messages, pagination.total, pagination.totalPages]).toEqual([[], 0, 0]);
  });
});

describe('the events of a session', () => {
  interface Events {
    readonly events: SessionEvent[];
    readonly caughtUp: boolean;
  }
  const events = (query = ''): Promise<Events> => service.get(`${path('first')}/events${query}`);

  it('come from the log after a revision, and say when there are no more', async () => {
    const { events: all, caughtUp } = await events();
    expect(caughtUp).toBe(true);
    expect(all.map(({ revision }) => revision)).toEqual(all.map((_, at) => at));
    expect(all.map(({ type }) => type)).toContain('session.ended');
    expect(await events('?after=0&limit=2')).toEqual({ events: all.slice(1, 3), caughtUp: false });
    expect(await events('?after=-1&limit=1')).toEqual({ events: all.slice(0, 1), caughtUp: false });
    const before = all.length - 2;
    expect(await events(`?after=${before}`)).toEqual({ events: all.slice(-1), caughtUp: true });
    expect(await events(`?after=${before + 1}`)).toEqual({ events: [], caughtUp: true });
  });

  it('go on only from a cursor that this log gave out', async () => {
    const { events: all } = await events();
    const last = all.length - 1;
    for (const { revision, id } of all) {
      const page = await events(`?after=${revision}&afterId=${id}`);
      expect(page).toEqual({ events: all.slice(revision + 1), caughtUp: true });
    }
    for (const query of [
      `?after=1&afterId=${all[2]?.id}`,
      `?after=${last + 1}&afterId=${all[last]?.id}`,
      `?after=0&afterId=00000000-0000-4000-8000-000000000000`,
    ]) {
      const { status, body } = await service.request(`${path('first')}/events${query}`);
      expect([query, status]).toEqual([query, 410]);
      expect(body).toMatchObject({ code: 'cursor-unknown' });
    }
  });

  it.each([
    ['after', 'after=-2'],
    ['after', 'after=x'],
    ['after', 'after=99999999999'],
    ['limit', 'limit=0'],
    ['limit', 'limit=1001'],
    ['afterId', 'after=1&afterId=1'],
    ['afterId', 'afterId=00000000-0000-4000-8000-000000000000'],
  ])('are refused for a wrong %s (%s)', async (field, query) => {
    const { status, body } = await service.request(`${path('first')}/events?${query}`);
    expect([status, body]).toMatchObject([400, { code: 'invalid', field }]);
  });
});

it('a value that no filter has is refused, and each field is named once', async () => {
  const { status, body } = await service.request(
    '/api/sessions?status=ACTIVE,NO,NEITHER&source=nowhere&limit=-1.5&minRevision=1',
  );
  expect(status).toBe(400);
  const { errors } = body as { errors: { field: string }[] };
  const fields = errors.map(({ field }) => field.split('.')[0]);
  expect(fields.sort()).toEqual(['limit', 'minRevision', 'source', 'status']);
});
