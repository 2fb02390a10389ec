import { startConversations, type Conversations } from '../support/conversations.ts';
import type { Answer, RunningService } from '../support/service.ts';

/* Sums over all sessions, and what AgentPipe's server says of its stream. */

let conversations: Conversations;
let service: RunningService;

beforeAll(async () => {
  conversations = await startConversations();
  ({ service } = conversations);
});
afterAll(() => conversations.stop());

const refused = ({ status, body }: Answer) => ({ status, body });

describe('the metrics', () => {
  it('are summed up as AgentPipe does', async () => {
    const range = 'startDate=2026-02-01&endDate=2026-02-07';
    expect(await service.get(`/api/metrics/summary?${range}`)).toEqual({
      ...{ totalConversations: 7, activeConversations: 2, totalMessages: 21, totalTokens: 210 },
      ...{ totalCost: 5.25, averageConversationDuration: 300 },
      topAgents: [
        { type: 'claude', count: 3, totalCost: 2.25 },
        { type: 'codex', count: 2, totalCost: 1.75 },
        { type: 'gemini', count: 2, totalCost: 1.25 },
      ],
    });
    expect(await service.get('/api/metrics/summary?startDate=2030-01-01')).toEqual({
      ...{ totalConversations: 0, activeConversations: 0, totalMessages: 0, totalTokens: 0 },
      ...{ totalCost: 0, averageConversationDuration: 0, topAgents: [] },
    });
    const answer = await service.request('/api/metrics/summary?startDate=never');
    expect(refused(answer)).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/^startDate: /) },
    });
  });

  it('are there by day, agent type and model', async () => {
    const range = 'from=2026-02-01&to=2026-02-08';
    const by = (group: string) =>
      service.get<{ metrics: object[]; pagination: object }>(
        `/api/metrics/sessions?${range}&groupBy=${group}&limit=2`,
      );
    const nothing = {
      ...{ inputTokens: 0, outputTokens: 0 },
      ...{ cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 },
    };
    expect(await by('day')).toEqual({
      metrics: [
        {
          day: '2026-02-07',
          sessions: 1,
          messages: 6,
          tokens: 60,
          cost: 1.5,
          durationMs: 600,
          ...nothing,
        },
        {
          day: '2026-02-06',
          sessions: 1,
          messages: 5,
          tokens: 50,
          cost: 1.25,
          durationMs: 500,
          ...nothing,
        },
      ],
      pagination: { page: 1, limit: 2, total: 7, totalPages: 4 },
    });
    expect((await by('agentType')).metrics[0]).toEqual({
      ...{ agentType: 'claude', sessions: 3, messages: 9, tokens: 90, cost: 2.25, durationMs: 900 },
      ...nothing,
    });
    expect((await by('model')).metrics.map((one) => (one as { model: string }).model)).toEqual([
      'opus',
      'mini',
    ]);
  });

  it.each([
    ['groupBy=agent', 'groupBy'],
    ['from=2026-02-30', 'from'],
    ['from=2026-02-02&to=2026-02-01', 'to'],
    ['to=2026-02-01T00:00:00Z', 'to'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['sort=tokens', 'sort'],
  ])('refuse %s by name', async (query, field) => {
    const answer = await service.request(`/api/metrics/sessions?${query}`);
    expect([answer.status, answer.body]).toMatchObject([400, { code: 'invalid', field }]);
  });
});

describe('the state of the stream', () => {
  it('says who listens and what new listeners begin with', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const headers = { authorization: 'Bearer ph_admin_key_of_the_tests' };
    const open = async (path: string): Promise<string> => {
      const { body } = await fetch(`${service.url}${path}`, { headers, signal });
      const { value } = (await body?.getReader().read()) ?? {};
      return Buffer.from(value ?? []).toString();
    };
    const greeting = JSON.parse(
      (await open('/api/stream?conversationId=conv-1')).split('\n')[0]?.slice(6) ?? '',
    ) as object;
    expect(greeting).toEqual({
      type: 'connection.established',
      timestamp: expect.any(String),
      data: { conversationId: 'conv-1', message: 'Connected to conversation conv-1' },
    });
    expect(await open('/api/stream?conversationId=')).toContain('Connected to global event stream');
    await open('/api/realtime/stream');
    const stats = {
      ...{ instanceId: expect.any(String), globalListeners: 2, conversationListeners: 1 },
      ...{ totalListeners: 3, bufferedEvents: 39, bufferCapacity: 100 },
      timestamp: expect.any(String),
    };
    expect(await service.get('/api/realtime/stats')).toEqual(stats);
    expect(await service.get('/api/diagnostics/events')).toEqual({ stats });
    const buffered = async () => {
      const path = '/api/diagnostics/events?includeEvents=true';
      return (await service.get<{ bufferedEvents: object[] }>(path)).bufferedEvents;
    };
    expect(await buffered()).toHaveLength(39);
    expect((await buffered()).at(-1)).toEqual({
      ...{ type: 'conversation.completed', timestamp: '2026-02-07T11:00:00.000Z' },
      ...{ conversationId: 'many-6', dataKeys: ['conversation_id', 'status'] },
    });
    for (let nth = 0; nth < 110; nth += 1) {
      const data = {
        conversation_id: 'long',
        message_id: `l${nth}`,
        agent_type: 'x',
        content: 'y',
      };
      await conversations.ingest({
        type: 'message.created',
        timestamp: '2026-02-08T00:00:00Z',
        data,
      });
    }
    expect(new Set((await buffered()).map((one) => JSON.stringify(one))).size).toBe(1);
    expect(await buffered()).toHaveLength(100);
    controller.abort();
  });
});
