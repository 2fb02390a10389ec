import type { SearchAnswer, SessionEvent } from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { RunningService } from '../support/service.ts';
import { COMPLETED, conversationBody, sentAt, sessionBody, STARTED } from '../support/uploaded.ts';
import { eventsOf, freshUploadKey, upload } from '../support/uploading.ts';

/* Whole sessions by `POST /api/sessions/upload`: what is stored of them and where it shows. */

let database: TestDatabase;
let service: RunningService;
let key: string;

beforeAll(async () => {
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

const shapes = [
  ['conversation', conversationBody],
  ['session', sessionBody],
] as const;

const typesOf = (events: readonly SessionEvent[]): string[] => events.map(({ type }) => type);

interface Message {
  readonly id: string;
  readonly sequenceNumber: number;
  readonly content: string;
}
const messagesOf = async (id: string): Promise<Message[]> =>
  (await service.get<{ messages: Message[] }>(`/api/sessions/${id}/messages?limit=100`)).messages;

describe('an uploaded session', () => {
  // An EventStoreDB takes what it is set to: see docs/operate.md.
  (process.env.EVENTSTORE_URL ? it.skip : it)(
    'may be far larger than any other append',
    async () => {
      const id = crypto.randomUUID();
      const body = conversationBody({ id, messages: 5_000, text: 'x'.repeat(1_500) });
      expect(JSON.stringify(body).length).toBeGreaterThan(8 * 1024 * 1024);
      expect((await upload(service, body, key)).status).toBe(201);
      const session = await service.get<Record<string, unknown>>(`/api/sessions/${id}`);
      expect(session).toMatchObject({ totalMessages: 5_000, totalTokens: 750_000 });
      expect(await eventsOf(service, id)).toHaveLength(5_004);
    },
  );

  it.each(shapes)('is in list, detail and search at once: %s', async (shape, bodyOf) => {
    const id = crypto.randomUUID();
    const word = `quokka${shape}`;
    const { status, body } = await upload(service, bodyOf({ id, text: word }), key);
    expect({ status, body }).toMatchObject({ status: 201 });
    // Nothing is waited for here: the answer came once all of them had it.
    const session = await service.get<Record<string, unknown>>(`/api/sessions/${id}`);
    expect(session).toMatchObject({
      ...{ status: 'COMPLETED', source: 'cli-upload', name: 'Old run', mode: 'round-robin' },
      ...{ initialPrompt: 'Design a log', maxTurns: 10, declared: true, reported: null },
      ...{ startedAt: '2025-10-15T10:00:00.000000000Z', totalDuration: 6_000 },
      ...{ completedAt: '2025-10-15T10:30:00.123456789Z', totalTokens: 450, totalMessages: 3 },
      counted: { messages: 3, tokens: 450, inputTokens: 300, outputTokens: 150, costNano: 900_000 },
      participants: [
        { agentId: 'claude-0', agentName: 'PM', agentVersion: '1.2.0', prompt: 'You are a PM' },
        { agentId: 'claude-1', agentName: 'Engineer' },
      ],
    });
    const list = await service.get<{ sessions: { id: string }[] }>(
      '/api/sessions?source=cli-upload&status=COMPLETED&search=old',
    );
    expect(list.sessions.map((one) => one.id)).toContain(id);
    const found = await service.post<SearchAnswer>('/api/search', { query: word });
    expect(found.results.map(({ sessionId }) => sessionId)).toEqual([id, id, id]);
    const { revision } = body as { revision: number };
    const read = await service.get(`/api/sessions/${id}?minRevision=${revision}`);
    expect(read).toMatchObject({ revision });
  });

  it('answers in the words of its shape', async () => {
    const [one, other] = [crypto.randomUUID(), crypto.randomUUID()];
    const place = { revision: 6, position: expect.any(String) as string };
    expect((await upload(service, conversationBody({ id: one }), key)).body).toEqual({
      ...{ conversation_id: one, message_count: 3, agent_count: 2 },
      ...place,
    });
    expect((await upload(service, sessionBody({ id: other }), key)).body).toEqual({
      ...{ success: true, conversationId: other, messagesCreated: 3, participantsCreated: 2 },
      ...{ totalTokens: 450, totalCost: 0.0009 },
      ...place,
    });
  });

  it.each(shapes)('keeps the times as they were sent: %s', async (_shape, bodyOf) => {
    const id = crypto.randomUUID();
    expect((await upload(service, bodyOf({ id }), key)).status).toBe(201);
    const events = await eventsOf(service, id);
    const joined = 'participant.joined';
    expect(events.map(({ type, meta }) => [type, meta.occurredAt])).toEqual([
      ['session.started', STARTED],
      ...[joined, joined].map((type) => [type, STARTED]),
      ...[0, 1, 2].map((nth) => ['message.posted', sentAt(nth)]),
      ['session.ended', COMPLETED],
    ]);
    expect(new Set(events.map(({ meta }) => meta.commandId)).size).toBe(1);
  });

  it('is the same session in either shape', async () => {
    const facts = { messages: 5, hasIds: true };
    const stored: unknown[][] = [];
    for (const [, bodyOf] of shapes) {
      const id = crypto.randomUUID();
      expect((await upload(service, bodyOf({ id, ...facts }), key)).status).toBe(201);
      const events = await eventsOf(service, id);
      stored.push(
        events.map(({ type, data }) => [type, { ...(data as object), extra: undefined }]),
      );
    }
    expect(stored[0]).toHaveLength(9);
    expect(stored[1]).toEqual(stored[0]);
  });

  it('gets the numbers, ids and the end that its producer left out', async () => {
    const id = crypto.randomUUID();
    const { conversation, agents, messages } = conversationBody({ id, messages: 4 });
    const body = {
      conversation: { ...conversation, completed_at: null },
      agents,
      // The last but one happened last.
      messages: messages.map((one, nth) => (nth === 2 ? { ...one, timestamp: sentAt(9) } : one)),
    };
    expect((await upload(service, body, key)).status).toBe(201);
    const shown = await messagesOf(id);
    expect(shown.map(({ sequenceNumber }) => sequenceNumber)).toEqual([1, 2, 3, 4]);
    expect(new Set(shown.map((one) => one.id)).size).toBe(4);
    expect((await eventsOf(service, id)).at(-1)?.meta.occurredAt).toBe(sentAt(9));
  });

  it('keeps totals that were sent beside those of its messages', async () => {
    const id = crypto.randomUUID();
    const { conversation, ...rest } = conversationBody({ id });
    const said = { total_messages: 7, total_tokens: 999, total_cost: 0.5, total_duration: 4_357 };
    await upload(service, { conversation: { ...conversation, ...said }, ...rest }, key);
    expect(await service.get(`/api/sessions/${id}`)).toMatchObject({
      ...{ totalMessages: 3, totalTokens: 450, totalCost: 0.0009 },
      reported: { messages: 7, tokens: 999, costNano: 500_000_000, durationMs: 4_357 },
    });
  });

  it('goes on when it is ACTIVE, and shows the error it ended with', async () => {
    const [open, failed] = [crypto.randomUUID(), crypto.randomUUID()];
    const { conversation, ...rest } = conversationBody({ id: open, status: 'ACTIVE' });
    await upload(service, { conversation: { ...conversation, total_tokens: 5 }, ...rest }, key);
    expect(await service.get(`/api/sessions/${open}`)).toMatchObject({
      ...{ status: 'ACTIVE', completedAt: null },
      extra: { total_tokens: 5, completed_at: COMPLETED },
    });
    const error = { id: failed, status: 'ERROR', error_message: 'boom' };
    await upload(service, { conversation: { ...conversation, ...error }, ...rest }, key);
    expect(await service.get(`/api/sessions/${failed}`)).toMatchObject({
      ...{ status: 'ERROR', errorMessage: 'boom' },
    });
  });

  it('keeps what nobody knows, and lets none of it pass for what was checked', async () => {
    const id = crypto.randomUUID();
    const { session, participants, messages } = sessionBody({ id, messages: 1 });
    const odd = { tokens_used: -5, conversation_id: 7, mood: { good: true } };
    const body = {
      session: { ...session, total_tokens: -1, summary: 'a text', labels: ['x'] },
      participants: participants.map((one) => ({ ...one, name: 7, settings: { heat: 1 } })),
      messages: messages.map((one) => ({ ...one, ...odd, content: 'a\0b' })),
      exportedBy: 'somebody',
    };
    expect((await upload(service, body, key)).status).toBe(201);
    const events = await eventsOf(service, id);
    expect(events[0]).toMatchObject({
      data: {
        extra: {
          ...{ labels: ['x'], summary: 'a text', exportedBy: 'somebody' },
          metadata: { originalId: id, importedFrom: 'a test' },
        },
      },
      meta: { replaced: 1 },
    });
    expect(events[1]?.data).toMatchObject({ name: 'PM', extra: { settings: { heat: 1 } } });
    expect(events[3]).toMatchObject({
      data: { tokens: 150, content: 'a\uFFFDb', extra: { mood: { good: true } } },
    });
    expect(events[3]?.meta.replaced).toBeUndefined();
  });

  it('is not doubled by the live stream of the same conversation', async () => {
    const id = crypto.randomUUID();
    const { conversation, agents, messages } = conversationBody({ id, hasIds: true });
    expect((await upload(service, { conversation, agents, messages }, key)).status).toBe(201);
    const { mode, initial_prompt } = conversation;
    const about = { conversation_id: id };
    const participants = agents.map(({ agent_name, ...agent }) => ({ ...agent, name: agent_name }));
    const fresh = { ...messages[0], message_id: 'fresh', content: 'one more' };
    const sent = [
      ['conversation.started', { mode, initial_prompt, participants }],
      ...[...messages, fresh].map((message) => ['message.created', message] as const),
      ['conversation.completed', { status: 'completed' }],
    ] as const;
    for (const [type, data] of sent) {
      const body = JSON.stringify({ type, timestamp: STARTED, data: { ...data, ...about } });
      expect([200, 201]).toContain((await service.ingest(body)).status);
    }
    await service.caughtUp();
    expect(await service.get(`/api/sessions/${id}`)).toMatchObject({
      ...{ source: 'cli-upload', name: 'Old run', totalMessages: 4, status: 'COMPLETED' },
      participants: [{ agentId: 'claude-0' }, { agentId: 'claude-1' }],
    });
    expect((await messagesOf(id)).map(({ content }) => content).sort()).toEqual(
      [...messages, fresh].map(({ content }) => content).sort(),
    );
  });

  it('may have more events than go into one batch of the log', async () => {
    const id = crypto.randomUUID();
    const messages = 1_000;
    const { status } = await upload(service, conversationBody({ id, messages }), key);
    expect(status).toBe(201);
    const events = await eventsOf(service, id);
    expect(typesOf(events).filter((type) => type === 'message.posted')).toHaveLength(messages);
    expect(await service.get(`/api/sessions/${id}`)).toMatchObject({ totalMessages: messages });
  });
});
