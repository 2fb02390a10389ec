import { cursorOf } from '../../src/http/list-cursors.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { RunningService } from '../support/service.ts';

/* The list of sessions in other orders than the usual one, as a user of the HTTP API sees it. */

let database: TestDatabase;
let service: RunningService;

interface List {
  readonly sessions: readonly { readonly id: string; readonly name: string | null }[];
  readonly pagination: { readonly total: number; readonly next: string | null };
}

const list = (query: string): Promise<List> => service.get<List>(`/api/sessions${query}`);

const minute = (n: number): string => new Date(Date.UTC(2025, 9, 15, 10, n)).toISOString();

async function report(type: string, n: number, data: object): Promise<void> {
  const answer = await service.ingest(JSON.stringify({ type, timestamp: minute(n), data }));
  if (answer.status > 201) throw new Error(answer.text);
}

/** A session that starts at a minute, with a message at another. */
async function session(
  id: string,
  [startedAt, spokenAt]: readonly [number, number],
  usage: { tokens_used?: number; cost?: number; duration_ms?: number } = {},
): Promise<void> {
  await report('conversation.started', startedAt, {
    ...{ conversation_id: id, mode: 'round-robin', initial_prompt: id, max_turns: 10 },
    participants: [{ agent_id: 'claude-0', agent_type: 'claude', name: 'Ada' }],
  });
  await report('message.created', spokenAt, {
    ...{ conversation_id: id, message_id: `${id} 1`, agent_id: 'claude-0', agent_type: 'claude' },
    ...{ agent_name: 'Ada', content: 'text', sequence_number: 1, turn_number: 1, ...usage },
  });
}

const rename = async (id: string, name: string): Promise<void> => {
  const { status } = await service.request(`/api/sessions/${id}/commands/session.rename`, {
    body: JSON.stringify({ name }),
    type: 'application/json',
  });
  expect(status).toBe(200);
};

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
  await session('a', [1, 30], { tokens_used: 7, cost: 0.5, duration_ms: 1500.25 });
  await session('b', [2, 10], { tokens_used: 900_000, cost: 0.000_000_001 });
  await session('c', [3, 20], { tokens_used: 7, duration_ms: 1500.75 });
  await session('d', [4, 5], { cost: 2, duration_ms: 0.001 });
  await report('message.created', 6, {
    ...{ conversation_id: 'd', message_id: 'd 2', agent_id: 'claude-0', agent_type: 'claude' },
    ...{ agent_name: 'Ada', content: 'text', sequence_number: 2, turn_number: 1 },
  });
  await rename('b', 'eve');
  await rename('c', 'Émile');
  await rename('d', 'Adam');
  await service.caughtUp();
}, 60_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
});

describe('the list of sessions', () => {
  it.each([
    ['', 'dcba'],
    ['sort=started', 'dcba'],
    ['order=asc', 'abcd'],
    ['sort=messages', 'dcba'],
    ['sort=messages&order=asc', 'abcd'],
    ['sort=tokens', 'bcad'],
    ['sort=tokens&order=asc', 'dacb'],
    ['sort=cost', 'dabc'],
    ['sort=duration', 'cadb'],
    ['sort=duration&order=asc', 'bdac'],
    // Without a name, then Adam, Émile, eve.
    ['sort=name', 'adcb'],
    ['sort=name&order=desc', 'bcda'],
    ['sort=tokens&source=cli-stream&from=2025-10-15T10:02:00Z', 'bcd'],
    ['sort=tokens&status=ACTIVE,ERROR&agentType=claude', 'bcad'],
    ['sort=tokens&status=ERROR', ''],
  ])('is ordered by %s', async (query, expected) => {
    const { sessions, pagination } = await list(`?${query}`);
    expect(sessions.map(({ id }) => id).join('')).toBe(expected);
    expect(pagination).toMatchObject({ total: expected.length, next: null });
    let found = '';
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: List = await list(`?${query}&limit=1${cursor && `&cursor=${cursor}`}`);
      found += page.sessions.map(({ id }) => id).join('');
      cursor = page.pagination.next;
    }
    expect(found).toBe(expected);
    const pages = await Promise.all(
      [1, 2, 3].map((page) => list(`?${query}&limit=2&page=${page}`)),
    );
    expect(pages.flatMap(({ sessions }) => sessions.map(({ id }) => id)).join('')).toBe(expected);
  });

  it('is ordered by the last activity, which a command is, too', async () => {
    const ids = async (): Promise<string> =>
      (await list('?sort=lastActivity')).sessions.map(({ id }) => id).join('');
    // The renames came after all that was reported of October, in this order.
    expect(await ids()).toBe('dcba');
    await rename('c', 'Zoe');
    await service.caughtUp();
    expect(await ids()).toBe('cdba');
  });

  it.each([
    ['sort', 'sort=started_at'],
    ['sort', 'sort=tokens&sort=cost'],
    ['order', 'order=up'],
    ['cursor', `cursor=${cursorOf(['tokens', 'desc', '7', 'first'])}`],
    ['cursor', `sort=tokens&order=asc&cursor=${cursorOf(['tokens', 'desc', '7', 'first'])}`],
    ['cursor', `sort=tokens&cursor=${cursorOf(['tokens', 'desc', 'seven', 'first'])}`],
    ['cursor', `sort=tokens&cursor=${cursorOf(['tokens', 'desc', '1e999', 'first'])}`],
    ['cursor', `sort=tokens&cursor=${cursorOf(['tokens', 'desc', 7, 'first'])}`],
    ['cursor', `sort=name&cursor=${cursorOf(['name', 'asc', '\0', 'first'])}`],
    ['cursor', `sort=name&cursor=${cursorOf(['name', 'first'])}`],
  ])('refuses a wrong %s by its name (%s)', async (field, query) => {
    const { status, body } = await service.request(`/api/sessions?${query}`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'invalid', field, retry: false });
  });

  it('takes any number for a place that Postgres would write', async () => {
    for (const value of ['0', '1500.25', '1e+25', '1e-05', '99999999999999999', '1e+99']) {
      const cursor = cursorOf(['tokens', 'desc', value, 'first']);
      const { status } = await service.request(`/api/sessions?sort=tokens&cursor=${cursor}`);
      expect([value, status]).toEqual([value, 200]);
    }
  });
});
