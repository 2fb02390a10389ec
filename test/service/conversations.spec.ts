import { manyOf, startConversations, type Conversations } from '../support/conversations.ts';
import type { Answer, RunningService } from '../support/service.ts';

/* Conversations in the shapes of AgentPipe's own server, field by field. */

let conversations: Conversations;
let service: RunningService;

beforeAll(async () => {
  conversations = await startConversations();
  ({ service } = conversations);
});
afterAll(() => conversations.stop());

interface Listed {
  readonly conversations: Readonly<Record<string, unknown>>[];
  readonly pagination: Readonly<Record<string, unknown>>;
}

const list = (query: string): Promise<Listed> => service.get(`/api/conversations?${query}`);
const idsOf = async (query: string): Promise<string[]> =>
  (await list(query)).conversations.map(({ id }) => String(id));

const refused = ({ status, body }: Answer) => ({ status, body });

describe('the list of conversations', () => {
  it('has the fields that the pages read, and no others', async () => {
    const { conversations, pagination } = await list('model=claude-sonnet-4-5');
    expect(conversations).toEqual([
      {
        ...{ id: 'conv-1', name: 'Conversation 2026-01-01', mode: 'round-robin' },
        ...{ status: 'COMPLETED', source: 'cli-stream' },
        startedAt: '2026-01-01T12:00:00.123Z',
        completedAt: '2026-01-01T12:00:00.123Z',
        initialPrompt: 'Say "why" & <how>',
        ...{ summaryText: 'They agreed.', summaryAgentType: 'gemini', summaryModel: 'gemini' },
        ...{ totalMessages: 1, totalTokens: 62, totalCost: 0.00051, totalDuration: 4 },
        errorMessage: 'timed out',
        participants: [
          { agentType: 'claude', agentName: 'Architect' },
          { agentType: 'gemini', agentName: 'Reviewer' },
        ],
        messageCount: 1,
      },
    ]);
    expect(pagination).toEqual({
      ...{ page: 1, pageSize: 20, totalCount: 1, totalPages: 1 },
      ...{ hasNextPage: false, hasPreviousPage: false },
    });
  });

  it.each<[string, string[]]>([
    ['', [...manyOf(6, 5, 4, 3, 2, 1, 0), 'conv-1']],
    ['status=ACTIVE', manyOf(4, 0)],
    ['status=COMPLETED', [...manyOf(5, 1), 'conv-1']],
    ['status=INTERRUPTED', manyOf(6, 2)],
    ['status=ERROR', manyOf(3)],
    ['status=nonsense&mode=reactive', manyOf(5, 3, 1)],
    ['status=&mode=&source=&startDate=', [...manyOf(6, 5, 4, 3, 2, 1, 0), 'conv-1']],
    ['mode=free-form&agentType=claude', manyOf(6, 0)],
    ['agentType=claude&model=pro', []],
    ['agentType=gemini&model=pro', manyOf(4, 1)],
    ['source=cli-upload', []],
    ['source=elsewhere', []],
    ['startDate=2026-02-06', manyOf(6, 5)],
    ['endDate=2026-02-01', [...manyOf(0), 'conv-1']],
    ['startDate=2026-02-02T10:00:00Z&endDate=2026-02-03T10:00:00Z', manyOf(2, 1)],
    ['startDate=2026-02-02T10:00:00.001Z&endDate=2026-02-03T10:59:59%2B01:00', []],
    ['sortBy=totalTokens&sortOrder=asc&status=ACTIVE', manyOf(0, 4)],
    ['sort=totalCost&order=desc&mode=reactive', manyOf(5, 3, 1)],
    ['sortBy=name&sortOrder=asc&status=ERROR', manyOf(3)],
    ['sortBy=updatedAt&status=COMPLETED', [...manyOf(5, 1), 'conv-1']],
    ['unknown=parameter&status=ERROR', manyOf(3)],
  ])('is narrowed and ordered by %j', async (query, expected) => {
    expect(await idsOf(query)).toEqual(expected);
    expect((await list(query)).pagination.totalCount).toBe(expected.length);
  });

  it('comes in pages, however large they are asked for', async () => {
    const first = await list('pageSize=3');
    const third = await list('limit=3&page=3');
    expect(first.pagination).toEqual({
      ...{ page: 1, pageSize: 3, totalCount: 8, totalPages: 3 },
      ...{ hasNextPage: true, hasPreviousPage: false },
    });
    expect(third.conversations.map(({ id }) => id)).toEqual(['many-0', 'conv-1']);
    expect(third.pagination).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    for (const [query, pageSize] of [
      ['pageSize=5000', 100],
      ['limit=0', 1],
      ['pageSize=-7&page=-3', 1],
    ]) {
      expect((await list(String(query))).pagination).toMatchObject({ page: 1, pageSize });
    }
  });

  it.each([
    ['sortBy', 'counted->>1; drop table sessions'],
    ['sort', 'id'],
    ['sortOrder', 'asc nulls first'],
    ['order', 'DESC'],
    ['startDate', 'yesterday'],
    ['endDate', '2026-13-01'],
    ['page', '1e3'],
    ['pageSize', 'many'],
    ['mode', 'a\0'],
    ['agentType', 'x'.repeat(1_001)],
  ])('refuses %s=%j by name', async (name, value) => {
    const query = new URLSearchParams({ [name]: value }).toString();
    const answer = await service.request(`/api/conversations?${query}`);
    expect(refused(answer)).toEqual({
      status: 400,
      body: {
        error: expect.stringMatching(new RegExp(`^${name}: `)),
        details: [{ path: [name], message: expect.any(String) }],
      },
    });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  });

  it('is closed to who has no key', async () => {
    const { status, body } = await service.request('/api/conversations', { key: null });
    expect({ status, body }).toEqual({ status: 401, body: { error: expect.any(String) } });
  });
});

const message = {
  ...{ id: 'm1', agentId: 'claude-0', agentName: 'Architect', agentType: 'claude' },
  ...{ agentVersion: null, content: 'Second line.\n✅', role: 'agent' },
  ...{ timestamp: '2026-01-01T12:00:00.123Z', sequenceNumber: 1, turnNumber: 1, duration: 4 },
  ...{ inputTokens: 35, outputTokens: 27, totalTokens: 62, model: 'claude-sonnet-4-5' },
  cost: 0.00051,
};

describe('one conversation', () => {
  it('is flat, with participants by type and messages in order', async () => {
    const participant = {
      announcement: null,
      settings: null,
      agentVersion: null,
      cliVersion: null,
    };
    expect(await service.get('/api/conversations/conv-1')).toEqual({
      ...{
        id: 'conv-1',
        name: 'Conversation 2026-01-01',
        mode: 'round-robin',
        status: 'COMPLETED',
      },
      ...{ source: 'cli-stream', startedAt: '2026-01-01T12:00:00.123Z' },
      ...{ completedAt: '2026-01-01T12:00:00.123Z', createdAt: '2026-01-01T12:00:00.123Z' },
      ...{ updatedAt: '2026-01-01T12:00:00.123Z', initialPrompt: 'Say "why" & <how>', maxTurns: 4 },
      ...{ totalMessages: 1, totalTokens: 62, totalCost: 0.00051, totalDuration: 4 },
      ...{ containerId: null, containerStatus: null, errorStack: null },
      errorMessage: 'timed out',
      metadata: { command: { full_command: './agentpipe run', flags: ['-m', 'round-robin'] } },
      ...{ agentpipeVersion: 'v0.7.0', systemOS: 'linux', systemOSVersion: null },
      ...{ systemGoVersion: 'go1.24.4', systemArchitecture: 'amd64' },
      ...{ summaryText: 'They agreed.', summaryAgentType: 'gemini', summaryModel: 'gemini' },
      ...{ summaryInputTokens: 312, summaryOutputTokens: 37, summaryTotalTokens: 349 },
      ...{
        summaryCost: 0.00076,
        summaryDuration: 2,
        summaryGeneratedAt: '2026-01-01T12:00:00.123Z',
      },
      summaryData: expect.objectContaining({ text: 'They agreed.', shortText: 'Agreed.' }),
      participants: [
        {
          ...participant,
          ...{ id: 'claude-0', agentId: 'claude-0', agentType: 'claude', agentName: 'Architect' },
          ...{ agentVersion: '1', cliVersion: '2.0.14', model: 'claude-sonnet-4-5' },
          prompt: 'You build.',
        },
        {
          ...participant,
          ...{ id: 'gemini-1', agentId: 'gemini-1', agentType: 'gemini', agentName: 'Reviewer' },
          ...{ model: 'gemini-2.5-pro', prompt: null },
        },
      ],
      messages: [message],
    });
  });

  it.each(['nobody', 'a%2Fb', 'x'.repeat(3_000)])('is not found by %s', async (id) => {
    const answer = await service.request(`/api/conversations/${id}`);
    expect(refused(answer)).toEqual({ status: 404, body: { error: 'Conversation not found' } });
  });

  it('has all its messages, more than a page of any list', async () => {
    const conversation_id = 'long';
    for (let nth = 1; nth <= 130; nth += 1) {
      await conversations.ingest({
        type: 'message.created',
        timestamp: '2026-01-02T00:00:00Z',
        data: {
          conversation_id,
          message_id: `l${nth}`,
          agent_type: 'x',
          content: 'y',
          sequence_number: nth,
        },
      });
    }
    await service.caughtUp();
    const { messages } = await service.get<{ messages: { id: string }[] }>(
      '/api/conversations/long',
    );
    expect(messages.map(({ id }) => id)).toEqual(
      Array.from({ length: 130 }, (_, nth) => `l${nth + 1}`),
    );
    const page = await service.get<{ data: { id: string }[]; pagination: object }>(
      '/api/conversations/long/messages?page=3',
    );
    expect(page.data.map(({ id }) => id)).toEqual(
      Array.from({ length: 30 }, (_, nth) => `l${nth + 101}`),
    );
    expect(page.pagination).toEqual({ page: 3, limit: 50, total: 130, pages: 3 });
    await service.post('/api/sessions/long/commands/session.end', { as: 'completed' });
  });

  it('has its messages as a list of their own', async () => {
    expect(await service.get('/api/conversations/conv-1/messages?limit=1000')).toEqual({
      data: [{ ...message, conversationId: 'conv-1' }],
      pagination: { page: 1, limit: 100, total: 1, pages: 1 },
    });
    expect(await service.get('/api/conversations/nobody/messages')).toEqual({
      data: [],
      pagination: { page: 1, limit: 50, total: 0, pages: 0 },
    });
  });
});

describe('the newest messages', () => {
  interface Recent {
    readonly messages: Readonly<Record<string, unknown>>[];
    readonly count: number;
  }
  const recent = (query: string): Promise<Recent> => service.get(`/api/messages/recent?${query}`);

  it('are those of active sessions, unless another status is asked for', async () => {
    const active = await recent('');
    expect(active.messages.map(({ id }) => id)).toEqual(['m4-4', 'm4-3', 'm4-2', 'm4-1']);
    expect(active.count).toBe(4);
    const interrupted = await recent('status=INTERRUPTED&limit=7');
    const ids = [6, 5, 4, 3, 2, 1].map((nth) => `m6-${nth}`);
    expect(interrupted.messages.map(({ id }) => id)).toEqual([...ids, 'm2-2']);
    const [failed] = (await recent('status=ERROR&limit=1')).messages;
    expect(failed).toEqual({
      ...{ id: 'm3-3', agentId: 'a', agentName: 'a', agentType: 'claude', agentVersion: null },
      ...{ content: 'zebra 3', role: 'agent', timestamp: '2026-02-04T10:03:00.000Z' },
      ...{ sequenceNumber: 3, turnNumber: null, duration: 100, inputTokens: null },
      ...{ outputTokens: null, totalTokens: 10, model: 'opus', cost: 0.25 },
      ...{ conversationId: 'many-3', conversationName: 'Conversation 2026-02-04' },
      conversationStatus: 'ERROR',
    });
  });

  it('are at most 50, and of no status that there is not', async () => {
    expect((await recent('limit=1000&status=COMPLETED')).count).toBe(50);
    const { status, body } = await service.request('/api/messages/recent?status=BUSY');
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/^status: /) },
    });
  });
});
