import type { EventReader } from '../support/event-reader.ts';
import { haveSamples, recordedRuns } from '../support/samples.ts';
import { startStreaming, type Streaming } from '../support/streaming.ts';

let streaming: Streaming;
beforeAll(async () => {
  streaming = await startStreaming();
});
afterEach(() => streaming.closeAll());
afterAll(() => streaming.stop());

interface PeerEvent {
  type: string;
  timestamp: string;
  message?: string;
  data: Record<string, unknown>;
}

const path = '/api/realtime/stream';
const events = (reader: EventReader): PeerEvent[] => reader.messages<PeerEvent>().slice(1);
const of = (conversation: string, nth: number, more: object = {}) => ({
  type: 'message.created',
  timestamp: '2026-01-01T00:00:00Z',
  data: {
    ...{ conversation_id: conversation, message_id: `m${nth}`, agent_id: 'claude-0' },
    ...{ agent_type: 'claude', agent_name: 'Ada', content: `message ${nth}`, ...more },
  },
});
const ingest = async (event: object): Promise<void> => {
  expect((await streaming.service.ingest(JSON.stringify(event))).status).toBeLessThan(300);
};

describe("AgentPipe's stream", () => {
  it('greets first, in unnamed events that are one line each', async () => {
    const all = await streaming.open(path);
    const one = await streaming.open(`${path}?conversationId=c%201`);
    for (const reader of [all, one]) await reader.until(() => reader.messages().length > 0);
    const got = [all, one].map((reader) => reader.messages<PeerEvent>()[0]);
    const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
    expect(got).toEqual([
      { type: 'connected', timestamp, message: 'Subscribed to all events' },
      { type: 'connected', timestamp, message: 'Subscribed to conversation c 1' },
    ]);
    expect(all.raw).toMatch(/^data: \{"type":"connected","timestamp":"/);
    expect(all.raw).not.toMatch(/^event:/m);
  });

  it('shows what is ingested within half a second, as it was sent', async () => {
    const reader = await streaming.open(path);
    const sent = of('live', 1, {
      ...{ sequence_number: 1, turn_number: 0, tokens_used: 62, input_tokens: 35 },
      ...{ output_tokens: 27, cost: 0.00051, model: 'claude-sonnet-4-5', duration_ms: 4 },
    });
    await ingest(sent);
    const begin = Date.now();
    await reader.until(() => events(reader).some(({ data }) => data.message_id === 'm1'));
    expect(Date.now() - begin).toBeLessThan(500);
    expect(events(reader).at(-1)).toEqual({ ...sent, timestamp: '2026-01-01T00:00:00.000Z' });
  });

  it('shows exactly one conversation to who asks for one, before it has begun as well', async () => {
    const reader = await streaming.open(`${path}?conversationId=mine`);
    await reader.until(() => reader.messages().length > 0);
    for (let nth = 0; nth < 5; nth += 1) {
      await ingest(of('mine', nth));
      await ingest(of('not mine', nth));
      await ingest(of('mine and more', nth));
    }
    await reader.until(() => events(reader).length >= 5);
    const late = await streaming.open(`${path}?conversationId=mine`);
    await late.until(() => events(late).length >= 5);
    for (const shown of [events(reader), events(late)]) {
      expect(shown.map(({ data }) => [data.conversation_id, data.message_id])).toEqual(
        [0, 1, 2, 3, 4].map((nth) => ['mine', `m${nth}`]),
      );
    }
  });

  it('begins with the last hundred, and goes on behind a cursor without them', async () => {
    await streaming.report('long', 0, 130);
    const first = await streaming.open(path);
    await first.until(() => events(first).length >= 100);
    await ingest(of('long', 130));
    await first.until(() => events(first).length >= 101);
    const shown = events(first).map(({ data }) => data.message_id);
    expect(shown).toEqual(Array.from({ length: 101 }, (_, nth) => `m${nth + 30}`));

    const cut = first.blocks.find(({ data }) => (data as PeerEvent).data?.message_id === 'm77');
    first.close();
    await ingest(of('long', 131));
    const again = await streaming.open(path, { lastEventId: cut?.id });
    await again.until(() => events(again).length >= 54);
    expect(events(again).map(({ data }) => data.message_id)).toEqual(
      Array.from({ length: 54 }, (_, nth) => `m${nth + 78}`),
    );
  });

  it('begins with the last hundred of a conversation however large they are', async () => {
    await streaming.report('large', 0, 120, 60_000);
    await streaming.report('larger', 0, 5, 60_000);
    const reader = await streaming.open(`${path}?conversationId=large`);
    await reader.until(() => events(reader).length >= 100);
    await ingest(of('large', 120));
    await reader.until(() => events(reader).length >= 101);
    expect(events(reader).map(({ data }) => data.message_id)).toEqual(
      Array.from({ length: 101 }, (_, nth) => `m${nth + 20}`),
    );
    await reader.until(() => reader.lastEventId > (reader.blocks.at(-2)?.id ?? ''));
  });

  it('shows sessions that were never ingested in the same shape', async () => {
    const reader = await streaming.open(`${path}?conversationId=own`);
    await streaming.ask('/api/sessions', { sessionId: 'own', prompt: 'Tea?', mode: 'chat' });
    const command = (type: string, data: object) =>
      streaming.ask(`/api/sessions/own/commands/${type}`, data);
    await command('message.post', { messageId: 'a', content: 'Green or black?' });
    await command('message.start', { messageId: 'b', agentName: 'Ada', agentType: 'claude' });
    await command('message.append', { messageId: 'b', index: 0, text: 'Green.' });
    await command('message.complete', { messageId: 'b' });
    await command('session.end', { as: 'completed' });
    await reader.until(() => events(reader).at(-1)?.type === 'conversation.completed');
    const data = events(reader).map((event) => [event.type, event.data]);
    const conversation_id = 'own';
    expect(data).toMatchObject([
      [
        'conversation.started',
        { conversation_id, mode: 'chat', initial_prompt: 'Tea?', participants: [] },
      ],
      [
        'message.created',
        {
          ...{ conversation_id, message_id: 'a', role: 'user', agent_type: 'user' },
          content: 'Green or black?',
        },
      ],
      [
        'message.created',
        { conversation_id, message_id: 'b', agent_name: 'Ada', content: 'Green.' },
      ],
      ['conversation.completed', { conversation_id, status: 'completed' }],
    ]);
  });

  it('is refused to who may not read, and for what it does not know', async () => {
    const refusal: Streaming['refusal'] = (...about) => streaming.refusal(...about);
    expect(await refusal(path, {}, null)).toEqual([401, 'unauthenticated', undefined]);
    expect(await refusal(`${path}?conversation=x`)).toEqual([400, 'invalid', 'conversation']);
    expect(await refusal(`${path}?conversationId=`)).toEqual([400, 'invalid', 'conversationId']);
    const head = await streaming.service.head();
    expect(await refusal(path, { 'last-event-id': `${head}.other` })).toEqual([
      ...[410, 'cursor-unknown', undefined],
    ]);
    expect(await refusal(path, { 'last-event-id': `9${head.slice(1)}` })).toEqual([
      ...[410, 'cursor-unknown', undefined],
    ]);
    expect(await refusal(path, { 'last-event-id': '00' })).toEqual([
      ...[400, 'invalid', 'last-event-id'],
    ]);
    expect(await streaming.metric('streams')).toBe(0);
  });
});

(haveSamples ? describe : describe.skip)('recorded runs of the CLI', () => {
  /** What the stream shows of a body, by the names of today's CLI. */
  const expected = ({ type, timestamp, data }: PeerEvent): PeerEvent => {
    const { agents, participants = agents, role, ...rest } = data;
    return {
      type,
      timestamp: new Date(timestamp).toISOString(),
      data: {
        ...rest,
        ...(participants === undefined ? {} : { participants }),
        ...(role === undefined || role === 'agent' ? {} : { role }),
      },
    };
  };

  it.each(recordedRuns)('$name is shown as it was sent, body by body', async ({ bodies }) => {
    const reader = await streaming.open(path, { lastEventId: await streaming.service.head() });
    for (const body of bodies) await streaming.service.ingest(body);
    // A byte-identical retry has no second effect.
    const sent = [...new Set(bodies)].map((body) => expected(JSON.parse(body) as PeerEvent));
    await reader.until(() => events(reader).length >= sent.length);
    const shown = events(reader);
    const rounded = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (_, part: unknown) =>
          typeof part === 'number' ? Number(part.toPrecision(9)) : part,
        ),
      );
    expect(shown.map(rounded)).toEqual(sent.map(rounded));
  });
});
