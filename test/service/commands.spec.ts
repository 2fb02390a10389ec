import {
  evolveOpenView,
  type CommandAnswer,
  type CommandDone,
  type OpenView,
  type Refused,
  type SessionEvent,
} from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { ingestKey, RunningService, type Answer, type ViewerSocket } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;
let socket: ViewerSocket;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
  socket = service.connect();
});

afterAll(async () => {
  socket.close();
  await service.stop();
  await database.drop();
});

interface Options {
  readonly key?: string;
  readonly expected?: number;
}

const post = (path: string, data: object, headers: Record<string, string> = {}): Promise<Answer> =>
  service.request(path, { body: JSON.stringify(data), type: 'application/json', headers });

const overHttp = async (id: string, type: string, data: object, options: Options = {}) => {
  const { status, body } = await post(
    `/api/sessions/${encodeURIComponent(id)}/commands/${type}`,
    data,
    {
      ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
      ...(options.expected === undefined ? {} : { 'if-match': `"${options.expected}"` }),
    },
  );
  return status === 200
    ? { ok: true as const, ...(body as CommandAnswer) }
    : { ok: false as const, ...(body as { code: string; field?: string }) };
};

const overSocket = async (sessionId: string, type: string, data: object, options: Options = {}) => {
  const { key: id = crypto.randomUUID(), expected } = options;
  const command = { id, sessionId, type, data, ...(expected === undefined ? {} : { expected }) };
  const answer: unknown = await socket.timeout(5_000).emitWithAck('command', command as never);
  return answer as CommandDone | Refused;
};

const start = async (data: object = {}): Promise<string> => {
  const { body } = await post('/api/sessions', data);
  return (body as CommandAnswer).sessionId;
};

const view = async (id: string): Promise<OpenView | undefined> => {
  const path = `/api/sessions/${encodeURIComponent(id)}/events?limit=1000`;
  const { events } = await service.get<{ events: SessionEvent[] }>(path);
  return events.reduce<OpenView | undefined>(evolveOpenView, undefined);
};

describe.each([
  ['HTTP', overHttp],
  ['the socket', overSocket],
])('commands over %s', (_transport, command) => {
  it('tell a whole session, from start to end', async () => {
    const id = await start({ name: 'First', prompt: 'Why?', labels: { team: 'a' } });
    const steps: [string, object][] = [
      ['participant.join', { participantId: 'ada', name: 'Ada' }],
      ['session.set-state', { state: 'working' }],
      ['message.post', { messageId: 'q', content: 'How does it work?', participantId: 'ada' }],
      ['message.start', { messageId: 'a', agentName: 'Bot' }],
      ['message.append', { messageId: 'a', index: 0, text: 'By ' }],
      ['tool.call', { callId: 't', tool: 'search', input: { q: 'events' } }],
      ['tool.output', { callId: 't', text: 'found' }],
      ['tool.finish', { callId: 't', exitCode: 0 }],
      ['message.append', { messageId: 'a', index: 1, text: 'events.' }],
      ['message.complete', { messageId: 'a', tokens: 7 }],
      ['session.set-state', { state: 'idle' }],
      ['session.rename', { name: 'Renamed' }],
      ['session.label', { labels: { team: null, done: 'yes' } }],
      ['session.set-provider', { provider: 'codex' }],
      ['session.raise-error', { message: 'quota', kind: 'rate_limit' }],
      ['participant.leave', { participantId: 'ada' }],
      ['session.idle', {}],
      ['session.resume', {}],
      ['session.end', { as: 'completed' }],
    ];
    let revision = 0;
    for (const [type, data] of steps) {
      const answer = await command(id, type, data);
      expect([type, answer]).toMatchObject([type, { ok: true, sessionId: id, appended: true }]);
      if (!answer.ok) return;
      expect(answer.revision).toBeGreaterThan(revision);
      expect(answer.position).toMatch(/^\d+$/);
      revision = answer.revision;
    }
    const seen = await view(id);
    expect(seen?.session).toMatchObject({
      ...{ revision, status: 'COMPLETED', name: 'Renamed', labels: { done: 'yes' } },
      ...{ provider: 'codex', errorMessage: 'quota', counted: { messages: 2, toolCalls: 1 } },
    });
    expect(seen?.messages.map(({ content }) => content)).toEqual([
      'How does it work?',
      'By events.',
    ]);
    await service.caughtUp();
    const { messages } = await service.get<{ messages: object[] }>(`/api/sessions/${id}/messages`);
    expect(messages).toMatchObject([{ content: 'How does it work?' }, { content: 'By events.' }]);
  });

  it('have one effect however often they are sent with one key, also at once', async () => {
    const id = await start();
    const data = { content: 'once' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => command(id, 'message.post', data, { key: 'k' })),
    );
    const places = answers.map((one) =>
      one.ok ? [one.revision, one.position, one.messageId] : one,
    );
    expect(new Set(places.map((place) => JSON.stringify(place))).size).toBe(1);
    expect((await view(id))?.session.counted.messages).toBe(1);
  });

  it('are refused when a key comes again with something else', async () => {
    const id = await start();
    await command(id, 'session.rename', { name: 'one' }, { key: 'k' });
    expect(await command(id, 'session.rename', { name: 'two' }, { key: 'k' })).toMatchObject({
      ok: false,
      code: 'key-reused',
    });
    expect((await view(id))?.session.name).toBe('one');
  });

  it('are refused when the session is not at the revision they expect', async () => {
    const id = await start();
    const renamed = await command(id, 'session.rename', { name: 'a' }, { expected: 0 });
    expect(renamed).toMatchObject({ ok: true, revision: 1 });
    expect(await command(id, 'session.rename', { name: 'b' }, { expected: 0 })).toMatchObject({
      ok: false,
      code: 'revision-mismatch',
    });
  });

  it('are refused by the table, and for what is not there', async () => {
    const id = await start();
    await command(id, 'session.end', {});
    const say = { content: 'too late' };
    expect(await command(id, 'message.post', say)).toMatchObject({ ok: false, code: 'refused' });
    expect(await command('nobody', 'message.post', say)).toMatchObject({ code: 'not-found' });
    expect(await command(id, 'tool.finish', { callId: 'x' })).toMatchObject({ code: 'not-found' });
  });

  it('name the field that is wrong', async () => {
    const id = await start();
    expect(await command(id, 'session.rename', { name: '' })).toMatchObject({
      ...{ ok: false, code: 'invalid', field: 'name' },
    });
    expect(await command(id, 'message.post', { content: 'x', tokens: -1 })).toMatchObject({
      ...{ ok: false, code: 'invalid', field: 'tokens' },
    });
  });

  it('store each chunk once, in whatever order and however often they come', async () => {
    const id = await start();
    await command(id, 'message.start', { messageId: 'm' });
    const texts = Array.from({ length: 100 }, (_, at) => `${at} `);
    const send = (index: number) =>
      command(id, 'message.append', { messageId: 'm', index, text: texts[index] });
    const order = [...texts.keys()].toSorted((a, b) => ((a * 37) % 100) - ((b * 37) % 100));
    const answers = await Promise.all([...order, ...order].map(send));
    expect(answers.filter(({ ok }) => !ok)).toEqual([]);
    const open = (await view(id))?.messages[0];
    expect(open).toMatchObject({ state: 'open', content: texts.join('') });
  });
});

it('gathers chunks that come together into few events', async () => {
  const id = await start();
  await overSocket(id, 'message.start', { messageId: 'm' });
  const texts = Array.from({ length: 200 }, (_, at) => `${at} `);
  await Promise.all(
    texts.map((text, index) => overSocket(id, 'message.append', { messageId: 'm', index, text })),
  );
  const seen = await view(id);
  expect(seen?.messages[0]?.content).toBe(texts.join(''));
  expect(seen?.session.revision).toBeLessThan(20);
});

it('starts one session for one key, and one under an id that the client made', async () => {
  const headers = { 'idempotency-key': 'start-1' };
  const [first, again] = [
    await post('/api/sessions', { name: 'x' }, headers),
    await post('/api/sessions', { name: 'x' }, headers),
  ];
  expect(first.status).toBe(201);
  expect((again.body as CommandAnswer).sessionId).toBe((first.body as CommandAnswer).sessionId);
  expect(again.body).toMatchObject({ appended: false });
  const own = `my session ${crypto.randomUUID()} ü`;
  expect((await post('/api/sessions', { sessionId: own })).status).toBe(201);
  expect((await post('/api/sessions', { sessionId: own })).status).toBe(409);
  expect((await view(own))?.session).toMatchObject({ source: 'api', status: 'ACTIVE' });
});

it('keeps an ingest key away from sessions that were not reported, and from commands', async () => {
  const id = await start();
  const report = JSON.stringify({
    type: 'conversation.completed',
    timestamp: '2026-01-01T00:00:00Z',
    data: { conversation_id: id, status: 'completed' },
  });
  expect((await service.ingest(report)).status).toBe(404);
  const body = JSON.stringify({ name: 'n' });
  const path = `/api/sessions/${id}/commands/session.rename`;
  const type = 'application/json';
  expect((await service.request(path, { key: ingestKey, body, type })).status).toBe(403);
  expect((await view(id))?.session).toMatchObject({ status: 'ACTIVE', revision: 0 });
});
