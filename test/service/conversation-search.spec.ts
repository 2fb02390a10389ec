import { manyOf, startConversations, type Conversations } from '../support/conversations.ts';
import type { RunningService } from '../support/service.ts';

/* The search of AgentPipe's own server beside ours. */

let conversations: Conversations;
let service: RunningService;

beforeAll(async () => {
  conversations = await startConversations();
  ({ service } = conversations);
});
afterAll(() => conversations.stop());

describe('a search in the shape of AgentPipe', () => {
  interface Found {
    readonly results: Readonly<Record<string, unknown>>[];
    readonly pagination: object;
  }
  const search = (body: object): Promise<Found> => service.post('/api/search', body);
  const found = async (body: object): Promise<unknown[]> =>
    (await search({ page: 1, ...body })).results.map(({ id }) => id);

  it('has the fields of its specification', async () => {
    const { results, pagination } = await search({ query: 'zebra', page: 2, limit: 5 });
    expect(results).toEqual([
      {
        ...{ id: 'many-1', createdAt: '2026-02-02T10:00:00.000Z', status: 'COMPLETED' },
        ...{ mode: 'reactive', initialPrompt: 'About 1' },
        ...{ totalMessages: 1, totalTokens: 10, totalCost: 0.25, totalDuration: 100 },
        participants: [{ agentType: 'gemini', agentName: 'Agent 1', model: 'pro' }],
        messagePreview: [
          {
            id: 'm1-1',
            agentName: expect.any(String),
            content: 'zebra 1',
            timestamp: '2026-02-02T10:01:00.000Z',
          },
        ],
      },
    ]);
    expect(pagination).toEqual({ page: 2, limit: 5, total: 6, pages: 2 });
    const [first] = (await search({ query: 'zebra', order: 'desc' })).results;
    expect(first?.messagePreview).toHaveLength(3);
  });

  it.each<[object, string[]]>([
    [{ query: 'zebra', filters: { status: ['ACTIVE', 'ERROR'] } }, manyOf(4, 3)],
    [{ query: 'zebra', filters: { status: [], agentTypes: [], models: ['mini'] } }, manyOf(5, 2)],
    [
      { query: 'zebra', filters: { agentTypes: ['codex', 'claude'], models: ['opus'] } },
      manyOf(6, 3),
    ],
    [{ filters: { minTokens: 30, maxTokens: 40 } }, manyOf(4, 3)],
    [{ filters: { minCost: 1.25 } }, manyOf(6, 5)],
    [{ filters: { maxCost: 0, startDate: '2026-02-01', endDate: '2026-02-01' } }, manyOf(0)],
    [{ query: 'zebra', filters: { startDate: '2026-02-06T10:00:00Z' } }, manyOf(6, 5)],
    [{ query: 'zebra', sort: 'totalTokens', order: 'asc', limit: 2 }, manyOf(1, 2)],
    [{ query: 'About', filters: { status: ['ERROR'] } }, manyOf(3)],
    [{ query: 'unicorn' }, []],
  ])('is narrowed by %j', async (body, expected) => {
    expect(await found(body)).toEqual(expected);
  });

  it.each([
    [{ query: 'x', page: 0 }, 'page'],
    [{ query: 'x', sort: 'id; drop table' }, 'sort'],
    [{ query: 'x', page: 1, filters: { minCost: -1 } }, 'filters.minCost'],
    [{ query: 'x', page: 1, filters: { models: 'opus' } }, 'filters.models'],
    [{ query: 'x', page: 1, limit: 1_000 }, 'limit'],
  ])('refuses %j by name', async (body, field) => {
    const about = { type: 'application/json', body: JSON.stringify(body) };
    const answer = await service.request('/api/search', about);
    expect([answer.status, answer.body]).toMatchObject([400, { code: 'invalid', field }]);
  });

  it('leaves our own search as it was', async () => {
    const answer = await service.post<object>('/api/search', {
      query: 'zebra',
      filters: { status: ['ERROR'] },
    });
    expect(Object.keys(answer)).toEqual(['results', 'truncated']);
  });

  it('counts sessions by agent type and by model', async () => {
    const counted = await service.get<object>('/api/search?type=agents');
    expect(counted).toEqual({
      agents: [
        ...[
          { type: 'claude', count: 4 },
          { type: 'gemini', count: 3 },
        ],
        ...[{ type: 'codex', count: 2 }],
      ],
    });
    const { models: found } = await service.get<{ models: object[] }>('/api/search?type=models');
    expect(found).toContainEqual({ model: 'opus', count: 3 });
    const { status, body } = await service.request('/api/search?type=tools');
    expect({ status, body }).toMatchObject({ status: 400, body: { error: expect.any(String) } });
  });
});
