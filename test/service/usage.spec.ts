import type { MessageView, SessionView } from '@playhead/contract';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { csvCells, exportPath } from '../support/exports.ts';
import { RunningService } from '../support/service.ts';

/* What messages used, from the command to lists and files. */

let database: TestDatabase;
let service: RunningService;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  const env = { DATABASE_URL: database.url, PLAYHEAD_CHECKED_SESSIONS_PER_MINUTE: '0' };
  service = await RunningService.start(env);
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await service.stop();
  await database.drop();
});

const unknown = { input: null, output: null, cacheRead: null, cacheWrite: null, reasoning: null };

const ask = (sessionId: string, type: string, data: object): Promise<{ revision: number }> =>
  service.post(`/api/sessions/${sessionId}/commands/${type}`, data);

const messagesOf = async (sessionId: string): Promise<MessageView[]> =>
  (await service.get<{ messages: MessageView[] }>(`/api/sessions/${sessionId}/messages`)).messages;

const listed = async (sessionId: string): Promise<SessionView | undefined> => {
  const { sessions } = await service.get<{ sessions: SessionView[] }>('/api/sessions');
  return sessions.find((one) => one.sessionId === sessionId);
};

/** A session whose first message says nothing, the second something, the third as clients did. */
async function usedSession(sessionId: string): Promise<void> {
  await service.post('/api/sessions', { sessionId });
  await ask(sessionId, 'message.post', { messageId: 'm1', content: '1' });
  const usage = { input: 700, cacheRead: 1200, cacheWrite: 0, reasoning: 64 };
  await ask(sessionId, 'message.post', { messageId: 'm2', content: '2', tokens: 1964, usage });
  await ask(sessionId, 'message.start', { messageId: 'm3' });
  const flat = { inputTokens: 35, outputTokens: 27 };
  await ask(sessionId, 'message.complete', { messageId: 'm3', content: '3', ...flat });
  await service.caughtUp();
}

const totals = { input: 735, output: 27, cacheRead: 1200, cacheWrite: 0, reasoning: 64 };

it('is in lists, details and files as it was said, and null where nothing was', async () => {
  await usedSession('used');
  expect((await messagesOf('used')).map(({ usage }) => usage)).toEqual([
    unknown,
    { ...unknown, input: 700, cacheRead: 1200, cacheWrite: 0, reasoning: 64 },
    { ...unknown, input: 35, output: 27 },
  ]);
  expect((await messagesOf('used')).map(({ inputTokens }) => inputTokens)).toEqual([null, 700, 35]);
  const session = await service.get<SessionView>('/api/sessions/used');
  expect(session.counted).toMatchObject({ tokens: 1964, inputTokens: 735, outputTokens: 27 });
  expect(session.counted.usage).toEqual(totals);
  expect((await listed('used'))?.counted.usage).toEqual(totals);
  const socket = service.connect();
  const opened = await socket.emitWithAck('session:open', { sessionId: 'used' });
  const { view } = opened as unknown as { view: { session: SessionView } };
  expect(view.session.counted.usage).toEqual(totals);
  socket.disconnect();

  const rows = csvCells((await service.request(exportPath('used', 'csv'))).text).slice(1);
  expect(rows.map((row) => [...row.slice(4, 7), ...row.slice(10)])).toEqual([
    ['', '', '', '', '', '', ''],
    ['700', '', '1964', '1200', '0', '64', ''],
    ['35', '27', '', '', '', '', ''],
  ]);
  const markdown = (await service.request(exportPath('used', 'markdown'))).text;
  expect(markdown).toContain('- **Reasoning Tokens:** 64');
  expect(markdown).toContain('**Cache:** 1200 read, 0 written');
  expect(markdown).toContain('**Tokens:** ? (35→27)');
  const json = JSON.parse((await service.request(exportPath('used', 'json'))).text) as SessionView;
  expect(json.counted.usage).toEqual(totals);
});

it('is unknown in the totals of a session of which nobody has said it', async () => {
  await service.post('/api/sessions', { sessionId: 'silent' });
  const { revision } = await ask('silent', 'message.post', { content: '1', tokens: 5 });
  const path = `/api/sessions/silent?minRevision=${revision}`;
  const { counted } = await service.get<SessionView>(path);
  expect(counted).toMatchObject({ tokens: 5, inputTokens: 0, outputTokens: 0, usage: unknown });
});

it('is read from rows of the version before, which go on being kept up', async () => {
  await usedSession('old');
  // As they were before, when the log was folded by that version.
  await client.query(`update sessions set counted = (counted::jsonb - 'usage')::json`);
  await client.query('update messages set usage = default, attachments = default');
  expect((await listed('old'))?.counted.usage).toEqual({ ...unknown, input: 735, output: 27 });
  const messages = await messagesOf('old');
  expect(messages.map(({ usage }) => usage)).toEqual([
    unknown,
    { ...unknown, input: 700 },
    { ...unknown, input: 35, output: 27 },
  ]);
  expect(messages.map(({ attachments }) => attachments)).toEqual([[], [], []]);
  const usage = { output: 3, reasoning: 1 };
  const { revision } = await ask('old', 'message.post', { messageId: 'm4', content: '4', usage });
  const path = `/api/sessions/old?minRevision=${revision}`;
  const session = await service.get<SessionView & { staleSince?: string }>(path);
  const expected = { ...unknown, input: 735, output: 30, reasoning: 1 };
  expect(session.counted.usage).toEqual(expected);
  expect(session.staleSince).toBeUndefined();
});

it('is refused where it says two things, by the name of the field, and nothing is stored', async () => {
  await service.post('/api/sessions', { sessionId: 'odd' });
  const head = await service.head();
  const body = JSON.stringify({ content: 'x', usage: { input: 1 }, inputTokens: 2 });
  const path = '/api/sessions/odd/commands/message.post';
  const refused = await service.request(path, { type: 'application/json', body });
  expect(refused.status).toBe(400);
  expect(refused.body).toMatchObject({ code: 'invalid', field: 'inputTokens' });
  expect(await service.head()).toBe(head);
});
