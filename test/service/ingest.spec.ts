import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import type { SessionEvent } from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import {
  goodVariants,
  haveSamples,
  recordedFile,
  recordedRuns,
  variants,
} from '../support/samples.ts';
import { adminKey, ingestKey, RunningService } from '../support/service.ts';

/*
 * The recorded runs of the real AgentPipe CLI against the service as a user runs it. What must not
 * depend on the order of arrival is compared without revision, position and at.
 */

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({
    DATABASE_URL: database.url,
    PLAYHEAD_INGEST_PER_MINUTE: '100',
  });
});

afterAll(async () => {
  await service.stop();
  await database.drop();
});

/** The bodies with every conversation id made new, so that a run can be played again. */
function renamed(bodies: readonly string[]): { bodies: string[]; sessions: string[] } {
  const ids = new Map<string, string>();
  for (const body of bodies) {
    const { data } = JSON.parse(body) as { data?: { conversation_id?: string } };
    if (data?.conversation_id) ids.set(data.conversation_id, crypto.randomUUID());
  }
  const replace = (body: string): string =>
    [...ids].reduce((text, [old, fresh]) => text.replaceAll(old, fresh), body);
  return { bodies: bodies.map(replace), sessions: [...ids.values()] };
}

/** Everything readable of some sessions, without what depends on the order of arrival. */
async function essence(sessions: readonly string[]): Promise<string> {
  await service.caughtUp();
  const views = await Promise.all(
    sessions.map(async (id, nth) => {
      const session = await service.get(`/api/sessions/${id}`);
      const messages = await service.get(`/api/sessions/${id}/messages?limit=100`);
      const text = JSON.stringify({ session, messages }, (key, value: unknown) =>
        ['revision', 'position', 'at'].includes(key) ? undefined : value,
      );
      return text.replaceAll(id, `session ${nth}`);
    }),
  );
  return JSON.stringify(
    views.map((view) => JSON.parse(view) as unknown),
    null,
    1,
  );
}

const events = async (id: string): Promise<SessionEvent[]> =>
  (await service.get<{ events: SessionEvent[] }>(`/api/sessions/${id}/events?limit=1000`)).events;

const all = [...recordedRuns, ...goodVariants];
const withSamples = haveSamples ? describe : describe.skip;

withSamples('recorded AgentPipe runs', () => {
  it.each(all.map(({ name, bodies }) => [name, bodies] as const))(
    '%s: every answer is 200 or 201, and a byte-identical retry changes nothing',
    async (_name, original) => {
      const { bodies, sessions } = renamed(original);
      for (const body of bodies) expect([200, 201]).toContain((await service.ingest(body)).status);
      const once = await essence(sessions);
      const counts = await Promise.all(sessions.map(async (id) => (await events(id)).length));
      for (const body of bodies) expect([200, 201]).toContain((await service.ingest(body)).status);
      expect(await essence(sessions)).toBe(once);
      expect(await Promise.all(sessions.map(async (id) => (await events(id)).length))).toEqual(
        counts,
      );
    },
  );

  it('end in the same sessions shuffled, concurrently and each request twice', async () => {
    // The variants are about the same few conversations: they belong together.
    const groups = [
      ...recordedRuns.map(({ bodies }) => bodies),
      goodVariants.flatMap((v) => v.bodies),
    ];
    for (const group of groups) {
      const inOrder = renamed(group);
      for (const body of inOrder.bodies) await service.ingest(body);
      const expected = await essence(inOrder.sessions);
      await fc.assert(
        fc.asyncProperty(
          fc.shuffledSubarray([...group, ...group], { minLength: 2 * group.length }),
          async (shuffled) => {
            // Named in the order of the original, so that sessions correspond.
            const { bodies, sessions } = renamed([...group, ...shuffled]);
            const answers = await Promise.all(
              bodies.slice(group.length).map((body) => service.ingest(body)),
            );
            expect(answers.filter(({ status }) => status !== 200 && status !== 201)).toEqual([]);
            expect(await essence(sessions)).toBe(expected);
          },
        ),
        { numRuns: 6 },
      );
    }
  }, 120_000);

  it('give the numbers that the CLI itself printed', async () => {
    const run = recordedRuns.find(({ name }) => name === 'completed_3_agents_12_messages');
    const { bodies, sessions } = renamed(run?.bodies ?? []);
    for (const body of bodies) await service.ingest(body);
    await service.caughtUp();
    const session = await service.get<Record<string, unknown>>(`/api/sessions/${sessions[0]}`);
    expect(session).toMatchObject({
      status: 'COMPLETED',
      source: 'cli-stream',
      mode: 'round-robin',
      totalTokens: 2280,
      counted: { messages: 12, tokens: 2280 },
      reported: { messages: 16, tokens: 2629, turns: 12 },
    });
    expect((session.totalCost as number).toFixed(4)).toBe('0.0087');
    const { messages } = await service.get<{ messages: { sequence: number; agentName: string }[] }>(
      `/api/sessions/${sessions[0]}/messages`,
    );
    expect(messages.map(({ sequence }) => sequence)).toEqual(messages.map((_, at) => at + 1));
  });

  it('are taken as a whole file of events, one answer a line, filling only gaps', async () => {
    const file = recordedFile('agentpipe-events-local.jsonl');
    const { bodies, sessions } = renamed(
      readFileSync(file ?? '', 'utf8')
        .trim()
        .split('\n'),
    );
    // A broken live stream brought every third event.
    for (const body of bodies.filter((_, at) => at % 3 === 0)) await service.ingest(body);
    const upload = await service.ingest(`${bodies.join('\n')}\n\n`, {
      type: 'application/x-ndjson',
    });
    expect(upload.status).toBe(200);
    const answers = upload.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(answers).toMatchObject(
      bodies.map((_, at) => ({ line: at + 1, status: expect.any(Number) as number })),
    );
    const uploaded = await essence(sessions);
    const live = renamed(bodies);
    for (const body of live.bodies) await service.ingest(body);
    expect(uploaded).toBe(await essence(live.sessions));
  });
});

describe('ingest', () => {
  const message = (conversation: string, id: string, more: object = {}): string =>
    JSON.stringify({
      type: 'message.created',
      timestamp: '2026-01-01T00:00:00.123456789Z',
      data: {
        conversation_id: conversation,
        message_id: id,
        agent_type: 'claude',
        content: 'hi',
        ...more,
      },
    });
  const exists = async (id: string): Promise<boolean> =>
    (await service.request(`/api/sessions/${encodeURIComponent(id)}/events`)).status === 200;

  it('refuses a missing and a wrong key in the words of AgentPipe, and stores nothing', async () => {
    const id = crypto.randomUUID();
    const without = await service.ingest(message(id, 'm'), { key: null });
    expect([without.status, without.body]).toEqual([
      401,
      { error: 'Unauthorized', details: 'Missing or invalid authorization header' },
    ]);
    const wrong = await service.ingest(message(id, 'm'), { key: `${ingestKey}x` });
    expect([wrong.status, wrong.body]).toEqual([
      401,
      { error: 'Unauthorized', details: 'Invalid API key' },
    ]);
    expect(await exists(id)).toBe(false);
    expect(service.output).not.toContain(ingestKey);
  });

  it('takes 100,000 characters and refuses one more, storing nothing', async () => {
    const id = crypto.randomUUID();
    const more = await service.ingest(message(id, 'm', { content: 'ü'.repeat(100_001) }));
    expect(more.status).toBe(400);
    expect(more.body).toMatchObject({ details: [{ path: ['data', 'content'] }] });
    expect(await exists(id)).toBe(false);
    expect((await service.ingest(message(id, 'm', { content: 'ü'.repeat(100_000) }))).status).toBe(
      201,
    );
  });

  it.each([
    ['not json', '{"type":', []],
    ['an unknown type', JSON.stringify({ type: 'test' }), ['type']],
    ['no timestamp', JSON.stringify({ type: 'bridge.test', data: {} }), ['timestamp']],
    ['a negative count', message('x', 'm', { tokens_used: -1 }), ['data', 'tokens_used']],
    ['1e400', message('x', 'm', { cost: 1 }).replace('"cost":1', '"cost":1e400'), ['data', 'cost']],
    ['an empty conversation id', message('', 'm'), ['data', 'conversation_id']],
    ['a body that is no object', '[]', []],
    ['an empty body', '', []],
    ['deep nesting', `${'['.repeat(5000)}${']'.repeat(5000)}`, []],
  ])('answers 400 and names the field for %s', async (_what, body, path) => {
    const answer = await service.ingest(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: 'Invalid event format' });
    const { details } = answer.body as { details: { path: string[] }[] };
    if (path.length > 0) expect(details.map((one) => one.path)).toContainEqual(path);
  });

  it('keeps what it does not know, and replaces what no store can hold', async () => {
    const id = crypto.randomUUID();
    const odd = message(id, 'm', { content: 'a\0b', mood: { good: true } });
    expect((await service.ingest(odd)).status).toBe(201);
    expect((await events(id)).at(-1)).toMatchObject({
      type: 'message.posted',
      data: { content: 'a\uFFFDb', extra: { mood: { good: true } } },
      meta: { occurredAt: '2026-01-01T00:00:00.123456789Z', replaced: 1 },
    });
  });

  it('answers 413 to a body over the limit', async () => {
    const big = await service.ingest(message('x', 'm', { junk: 'x'.repeat(1_100_000) }));
    expect(big.status).toBe(413);
  });

  it('keeps the first of two messages with one id and answers 200', async () => {
    const id = crypto.randomUUID();
    expect((await service.ingest(message(id, 'm'))).status).toBe(201);
    expect((await service.ingest(message(id, 'm', { content: 'other' }))).status).toBe(200);
    expect((await events(id)).filter(({ type }) => type === 'message.posted')).toHaveLength(1);
    const { text } = await service.request('/metrics');
    expect(text).toMatch(/playhead_ingested_total\{outcome="kept-first"\} [1-9]/);
  });

  it('limits a conversation, but neither others nor retries', async () => {
    const id = crypto.randomUUID();
    const bodies = Array.from({ length: 100 }, (_, at) => message(id, `m${at}`));
    const taken = await Promise.all(bodies.map((body) => service.ingest(body)));
    expect(new Set(taken.map(({ status }) => status))).toEqual(new Set([201]));
    const spent = await service.ingest(message(id, 'one more'));
    expect(spent.status).toBe(429);
    expect(spent.body).toMatchObject({ error: 'Rate limit exceeded' });
    expect(Number(spent.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const body of bodies.slice(0, 5)) expect((await service.ingest(body)).status).toBe(201);
    expect((await service.ingest(message(crypto.randomUUID(), 'm'))).status).toBe(201);
    expect((await events(id)).filter(({ type }) => type === 'message.posted')).toHaveLength(100);
  });

  it('never redirects', async () => {
    for (const path of ['/api/ingest', '/api/ingest/', '/api/ingest?x=1']) {
      const body = message(crypto.randomUUID(), 'm');
      const type = 'application/json';
      expect((await service.request(path, { key: ingestKey, type, body })).status).toBe(201);
    }
  });

  it('lets an ingest key report, and nothing else', async () => {
    const refused = await service.request('/api/sessions', { key: ingestKey });
    expect([refused.status, refused.body]).toMatchObject([403, { code: 'forbidden' }]);
    expect(
      (await service.ingest(message(crypto.randomUUID(), 'm'), { key: adminKey })).status,
    ).toBe(201);
  });

  it('answers a message without an id with the one it derived', async () => {
    const body = message(crypto.randomUUID(), 'm').replace('"message_id":"m",', '');
    const first = await service.ingest(body);
    const again = await service.ingest(body);
    expect(first.body).toMatchObject({
      message_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
    expect(again.body).toEqual(first.body);
  });

  it('counts variants that must be refused', () => {
    expect(variants.length - goodVariants.length).toBe(haveSamples ? 1 : 0);
  });
});
