import fc from 'fast-check';
import { limits } from '../../src/limits.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { mutated } from '../support/mutations.ts';
import { repeats } from '../support/repeats.ts';
import { adminKey, RunningService } from '../support/service.ts';
import { conversationBody, sessionBody } from '../support/uploaded.ts';
import { eventsOf, freshUploadKey, upload } from '../support/uploading.ts';

/* What `POST /api/sessions/upload` refuses, and that nothing of it is stored. */

const RUNS = repeats({ few: 60, all: 400 });
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);

let database: TestDatabase;
let service: RunningService;
let key: string;

beforeAll(async () => {
  console.log(`seed ${seed}: PLAYHEAD_TEST_SEED repeats it`);
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
});

afterAll(async () => {
  await service.stop();
  await database.drop();
});

beforeEach(async () => {
  key = await freshUploadKey(service);
});

/** Refused with this status, and the log ends where it did. */
async function refused(body: unknown, withKey: string | null = key) {
  const head = await service.head();
  const answer = await upload(service, body, withKey);
  expect([answer.text, await service.head()]).toEqual([answer.text, head]);
  return answer;
}

const pathsIn = (body: unknown): string[] =>
  (body as { details: { path: string[] }[] }).details.map(({ path }) => path.join('.'));

describe('an upload', () => {
  it('is refused without a key, with a wrong one, and with one for other things', async () => {
    const body = conversationBody({ id: crypto.randomUUID() });
    const without = await refused(body, null);
    expect([without.status, without.body]).toEqual([
      401,
      { error: 'Unauthorized', details: 'Missing or invalid authorization header' },
    ]);
    expect(await refused(body, `${key}x`)).toMatchObject({
      ...{ status: 401, body: { error: 'Unauthorized', details: 'Invalid API key' } },
    });
    const { key: reader } = await service.post<{ key: string }>('/api/keys', {
      ...{ name: 'reader', scopes: ['read'] },
    });
    expect(await refused(body, reader)).toMatchObject({
      ...{ status: 403, body: { error: 'Forbidden' } },
    });
    expect((await upload(service, body, adminKey)).status).toBe(201);
  });

  it('is taken once, and a repetition doubles nothing', async () => {
    const id = crypto.randomUUID();
    for (const bodyOf of [conversationBody, sessionBody])
      await upload(service, bodyOf({ id }), key);
    const stored = await eventsOf(service, id);
    expect(stored).toHaveLength(7);
    const other = conversationBody({ id, messages: 9 });
    for (const body of [conversationBody({ id }), sessionBody({ id }), other]) {
      const { status, body: answer } = await refused(body);
      expect({ status, answer }).toEqual({
        status: 409,
        answer: {
          ...{ error: 'Duplicate session', details: 'A session with this ID already exists' },
          conversation_id: id,
        },
      });
    }
    expect(await eventsOf(service, id)).toEqual(stored);
  });

  it('without an id is known by its bytes', async () => {
    const body = conversationBody({ text: crypto.randomUUID() });
    const first = await upload(service, body, key);
    expect(first.status).toBe(201);
    const { conversation_id } = first.body as { conversation_id: string };
    const again = await refused(body);
    expect([again.status, again.body]).toMatchObject([409, { conversation_id }]);
    const other = await upload(service, conversationBody({ text: 'another' }), key);
    expect(other.status).toBe(201);
  });

  it('is refused where a session came by another way', async () => {
    const [live, asked] = [crypto.randomUUID(), crypto.randomUUID()];
    const data = { conversation_id: live, agent_type: 'claude', content: 'hi' };
    const type = 'message.created';
    await service.ingest(JSON.stringify({ type, timestamp: '2026-01-01T00:00:00Z', data }));
    await service.post('/api/sessions', { sessionId: asked });
    for (const id of [live, asked]) {
      expect(await refused(conversationBody({ id }))).toMatchObject({ status: 409 });
    }
  });

  it('of 16 at once, on two nodes, exactly one is taken', async () => {
    const second = await RunningService.start({ DATABASE_URL: database.url });
    try {
      for (const bodyOf of [conversationBody, sessionBody]) {
        const id = crypto.randomUUID();
        const answers = await Promise.all(
          Array.from({ length: 16 }, (_, nth) =>
            // Not the same text: they agree in nothing but the id.
            upload(nth % 2 === 0 ? service : second, bodyOf({ id, text: `of ${nth}` }), key),
          ),
        );
        const statuses = answers.map(({ status }) => status).sort();
        expect(statuses).toEqual([201, ...Array<number>(15).fill(409)]);
        const events = await eventsOf(service, id);
        expect(events).toHaveLength(7);
        expect(new Set(events.map(({ meta }) => meta.commandId)).size).toBe(1);
      }
    } finally {
      await second.stop();
    }
  });

  it('is refused with every field at fault by its name', async () => {
    const { conversation, agents, messages } = conversationBody({ hasIds: true });
    const { name, ...unnamed } = conversation;
    const answer = await refused({
      conversation: { ...unnamed, status: 'DONE', started_at: 'yesterday', total_cost: -1 },
      agents: [...agents, { agent_name: 7 }],
      messages: [
        ...messages,
        { ...messages[0], content: 'x'.repeat(limits.messageCharactersMax + 1) },
        { message_id: 'm9', agent_type: '', tokens_used: 1.5 },
      ],
    });
    expect(answer).toMatchObject({ status: 400, body: { error: 'Invalid session format' } });
    expect(pathsIn(answer.body).sort()).toEqual([
      ...['agents.2.agent_name', 'agents.2.agent_type', 'conversation.name'],
      ...['conversation.started_at', 'conversation.status', 'conversation.total_cost'],
      ...['messages.3.content', 'messages.3.message_id', 'messages.4.agent_name'],
      ...['messages.4.agent_type', 'messages.4.content', 'messages.4.timestamp'],
      'messages.4.tokens_used',
    ]);
  });

  it('names fields as its shape does', async () => {
    const { session, participants, messages } = sessionBody();
    const answer = await refused({
      session: { ...session, initialPrompt: null, metadata: { originalId: '' } },
      participants: [{ ...participants[0], agentType: undefined }, participants[1]],
      messages: [{ ...messages[0], agentId: 'nobody', metrics: { cost: -1 } }],
    });
    expect(answer.status).toBe(400);
    expect(pathsIn(answer.body).sort()).toEqual([
      ...['messages.0.agentId', 'messages.0.metrics.cost', 'participants.0.agentType'],
      ...['session.initialPrompt', 'session.metadata.originalId'],
    ]);
  });

  it.each([
    ['not json', '{"conversation":', ''],
    ['an empty body', '', ''],
    ['a list', '[]', ''],
    ['neither shape', '{}', 'conversation'],
    ['deep nesting', `${'['.repeat(5_000)}${']'.repeat(5_000)}`, ''],
    ['too many messages', { ...conversationBody(), messages: Array(10_001).fill(0) }, 'messages'],
    ['too many agents', { ...conversationBody(), agents: Array(201).fill(0) }, 'agents'],
  ])('is refused for %s', async (_what, body, path) => {
    const answer = await refused(body);
    expect(answer.status).toBe(400);
    expect(pathsIn(answer.body)).toContain(path);
  });

  it('names a thousand faults and counts the others', async () => {
    const answer = await refused({ ...conversationBody(), messages: Array(2_500).fill(0) });
    const { details } = answer.body as { details: { message: string }[] };
    expect(details).toHaveLength(limits.uploadFaultsMax + 1);
    expect(details.at(-1)?.message).toBe('and 1500 faults more');
  });

  it('is refused as too large when its events are more than the store takes at once', async () => {
    const id = crypto.randomUUID();
    // What JSON writes as one character takes several bytes in UTF-8.
    const over = conversationBody({ id, messages: 10_000, text: '東'.repeat(1_500) });
    const bytes = Buffer.byteLength(JSON.stringify(over));
    expect(bytes).toBeGreaterThan(limits.uploadBytesMax);
    expect((await refused(over)).status).toBe(413);
    // What was refused leaves nothing in the way.
    expect((await upload(service, conversationBody({ id }), key)).status).toBe(201);
  });

  it('is limited to ten a minute and key; what is refused does not count', async () => {
    const once = conversationBody({ id: crypto.randomUUID() });
    for (let nth = 0; nth < limits.uploadsPerMinute; nth += 1) {
      const body = nth === 0 ? once : conversationBody({ id: crypto.randomUUID() });
      expect((await upload(service, body, key)).status).toBe(201);
      expect((await upload(service, once, key)).status).toBe(409);
      expect((await upload(service, {}, key)).status).toBe(400);
    }
    const body = conversationBody({ id: crypto.randomUUID() });
    const spent = await refused(body);
    expect(spent.status).toBe(429);
    const { retryAfter } = spent.body as { retryAfter: number };
    expect(spent.body).toEqual({ error: 'Rate limit exceeded', retryAfter });
    expect(spent.headers.get('retry-after')).toBe(String(retryAfter));
    expect(spent.headers.get('x-ratelimit-limit')).toBe('10');
    expect(spent.headers.get('x-ratelimit-remaining')).toBe('0');
    const reset = Date.parse(spent.headers.get('x-ratelimit-reset') ?? '');
    expect(Math.abs(reset - Date.now() - retryAfter * 1_000)).toBeLessThan(5_000);
    expect((await upload(service, body, await freshUploadKey(service))).status).toBe(201);
  });

  it('of any body is taken whole or leaves nothing behind, and never fails the service', async () => {
    const facts = fc.record({
      id: fc.option(fc.uuid(), { nil: undefined }),
      messages: fc.nat(3),
      text: fc.string({ unit: 'binary', maxLength: 5 }),
      status: fc.constantFrom('ACTIVE', 'COMPLETED', 'INTERRUPTED', 'ERROR'),
      hasIds: fc.boolean(),
    });
    const valid = fc
      .tuple(fc.constantFrom(conversationBody, sessionBody), facts)
      .map(([bodyOf, given]) => bodyOf(given));
    const bodies = fc.oneof(
      mutated(valid),
      valid.map((body) => JSON.stringify(body)),
    );
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const head = await service.head();
        let answer = await upload(service, body, key);
        if (answer.status === 429) {
          key = await freshUploadKey(service);
          return;
        }
        seen.add(answer.status);
        const got = `${body}: ${answer.status} ${answer.text}`;
        expect([got, answer.status < 500]).toEqual([got, true]);
        if (answer.status !== 201) {
          expect([got, await service.head()]).toEqual([got, head]);
          return;
        }
        const taken = answer.body as Record<string, string | number>;
        const events = await eventsOf(
          service,
          String(taken.conversation_id ?? taken.conversationId),
        );
        const count = (type: string) => events.filter((event) => event.type === type).length;
        expect(count('session.started')).toBe(1);
        expect(count('message.posted')).toBe(taken.message_count ?? taken.messagesCreated);
        expect(events).toHaveLength(Number(taken.revision) + 1);
        answer = await upload(service, body, key);
        expect([got, answer.status]).toEqual([got, 409]);
      }),
      { numRuns: RUNS, seed, endOnFailure: true },
    );
    expect([...seen]).toEqual(expect.arrayContaining([201, 400]));
    const ready = await service.get<{ projections: { parked: number }[] }>('/health/ready');
    expect(ready.projections.filter(({ parked }) => parked > 0)).toEqual([]);
  }, 240_000);
});
