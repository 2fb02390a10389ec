import {
  evolveOpenView,
  VIEW_TIMELINE_CHARACTERS_MAX,
  VIEW_TIMELINE_MAX,
  type CommandAnswer,
  type OpenView,
  type Timeline,
  type TimelineEntry,
} from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { ReconnectingViewer } from '../support/reconnecting-viewer.ts';
import { RunningService, type ViewerSocket } from '../support/service.ts';

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

const post = async (path: string, data: object): Promise<CommandAnswer> => {
  const body = JSON.stringify(data);
  const answer = await service.request(path, { body, type: 'application/json' });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.body as CommandAnswer;
};

/** A new session, and how it is given commands. */
async function begin() {
  const { sessionId } = await post('/api/sessions', { name: 'Turn' });
  const ask = (type: string, data: object): Promise<CommandAnswer> =>
    post(`/api/sessions/${sessionId}/commands/${type}`, data);
  return { sessionId, ask };
}

interface Page {
  readonly timeline: TimelineEntry[];
  readonly pagination: { readonly limit: number; readonly before: number | null };
}

const page = (sessionId: string, query: string): Promise<Page> =>
  service.get<Page>(`/api/sessions/${sessionId}/timeline?${query}`);

/** Everything before an entry, or all, page by page. */
async function older(sessionId: string, from: number | null, limit: number, between = nothing) {
  const found: TimelineEntry[] = [];
  const lengths: number[] = [];
  for (let before = from; before !== null;) {
    const { timeline, pagination } = await page(sessionId, `limit=${limit}&before=${before}`);
    found.unshift(...timeline);
    lengths.push(timeline.length);
    before = pagination.before;
    await between();
  }
  return { found, lengths };
}

const nothing = async (): Promise<unknown> => undefined;

/** What a reader sees of an entry. */
function shown(entry: TimelineEntry): string {
  switch (entry.kind) {
    case 'message':
      return `${entry.message.state} message: ${entry.message.content}`;
    case 'tool':
      return `${entry.tool.state} ${entry.tool.tool}: ${entry.tool.output}`;
    case 'event':
      return entry.event.type;
  }
}

const timelineAtOpen = async (viewer: ReconnectingViewer): Promise<Timeline> => {
  const opened = await viewer.open();
  if (!opened.ok || !opened.view) throw new Error(JSON.stringify(opened));
  return opened.view.timeline;
};

describe('the timeline of a session', () => {
  it('shows who comes back in the middle of a turn what began, in that order', async () => {
    const { sessionId, ask } = await begin();
    await ask('message.post', { content: 'What is in it?', role: 'user', source: 'user' });
    await ask('message.start', { messageId: 'text' });
    await ask('message.append', { messageId: 'text', index: 0, text: 'I look' });
    await ask('tool.call', { callId: 'call', tool: 'ls', messageId: 'text' });
    await ask('tool.output', { callId: 'call', text: 'one ' });
    const cut = new ReconnectingViewer(service.connect(), sessionId);
    const first = await timelineAtOpen(cut);
    const begun = ['session.started', 'complete message: What is in it?'];
    expect(first.entries.map(shown)).toEqual([
      ...begun,
      ...['open message: I look', 'running ls: one '],
    ]);
    cut.socket.close();
    const stays = new ReconnectingViewer(service.connect(), sessionId);
    await timelineAtOpen(stays);

    await ask('message.append', { messageId: 'text', index: 1, text: ' …' });
    await ask('message.start', { messageId: 'further' });
    await ask('tool.output', { callId: 'call', text: 'two' });
    await ask('message.append', { messageId: 'further', index: 0, text: 'It is' });
    await ask('session.raise-error', { message: 'no more' });
    const { revision } = await ask('message.complete', { messageId: 'text' });

    const back = new ReconnectingViewer(service.connect(), sessionId);
    const { entries } = await timelineAtOpen(back);
    expect(entries.map(shown)).toEqual([
      ...begun,
      ...['complete message: I look …', 'running ls: one two'],
      ...['open message: It is', 'session.error-raised'],
    ]);
    const started = entries.map(({ startedRevision }) => startedRevision);
    expect(started).toEqual([...started].sort((a, b) => a - b));
    expect(started.slice(0, 4)).toEqual(first.entries.map((one) => one.startedRevision));

    await stays.through(revision);
    const followed = stays.events.reduce<OpenView | undefined>(evolveOpenView, stays.opened?.view);
    expect(followed?.timeline.entries).toEqual(entries);
    const { timeline, pagination } = await page(sessionId, `minRevision=${revision}`);
    expect(timeline).toEqual(entries);
    expect(pagination).toEqual({ limit: 20, before: null });
    for (const { socket } of [stays, back]) socket.close();
  });

  it('is whole: the view, and what is older page by page, also while it grows', async () => {
    const { sessionId, ask } = await begin();
    const expected = ['session.started'];
    for (let nth = 0; nth < 60; nth += 1) {
      await ask('message.start', { messageId: `open ${nth}` });
      await ask('tool.call', { callId: `call ${nth}`, tool: 'sh' });
      await ask('message.post', { messageId: `m${nth}`, content: `${nth}` });
      expected.push('open message: ', 'running sh: ', `complete message: ${nth}`);
    }
    const viewer = new ReconnectingViewer(socket, sessionId);
    const { entries, before, openBefore } = await timelineAtOpen(viewer);
    expect(entries).toHaveLength(VIEW_TIMELINE_MAX);
    expect(before).toBe(entries[0]?.startedRevision);
    expect(openBefore).toHaveLength(27);
    let more = 0;
    const grow = (): Promise<unknown> => {
      more += 1;
      return ask('message.append', { messageId: `open ${more}`, index: 0, text: 'late' });
    };
    const { found, lengths } = await older(sessionId, before, 9, grow);
    expect(lengths).toEqual(Array.from({ length: 9 }, () => 9));
    const all = [...found, ...entries];
    expect(all.map(shown).map((text) => text.replace('late', ''))).toEqual(expected);
    // A message that goes on stays where it began.
    const again = await older(sessionId, before, 100);
    expect(again.found.map((one) => one.startedRevision)).toEqual(
      found.map((one) => one.startedRevision),
    );
    expect(again.found.filter((one) => shown(one) === 'open message: late')).toHaveLength(more);
    const { revision } = await ask('message.complete', { messageId: 'open 1', content: 'done' });
    await viewer.through(revision);
    const view = viewer.events.reduce<OpenView | undefined>(evolveOpenView, viewer.opened?.view);
    expect(view?.timeline.openBefore).toEqual(openBefore.filter((id) => id !== 'open 1'));
    expect(view?.timeline.entries).toEqual(entries);
  });

  it('stays within its bounds whatever a tool puts out and however long messages are', async () => {
    const { sessionId, ask } = await begin();
    await ask('tool.call', { callId: 'noisy', tool: 'yes' });
    const text = 'y'.repeat(90_000);
    for (let nth = 0; nth < 40; nth += 1) await ask('tool.output', { callId: 'noisy', text });
    const noisy = await timelineAtOpen(new ReconnectingViewer(socket, sessionId));
    expect(JSON.stringify(noisy).length).toBeLessThan(20_000);
    expect(noisy.entries.at(-1)).toMatchObject({ tool: { outputLength: 3_600_000 } });
    for (let nth = 0; nth < 30; nth += 1) await ask('message.post', { content: text });
    // A view may lack what was stored an instant ago: that comes as a frame.
    await service.caughtUp();
    const { entries, before } = await timelineAtOpen(new ReconnectingViewer(socket, sessionId));
    expect(entries).toHaveLength(Math.floor(VIEW_TIMELINE_CHARACTERS_MAX / 90_000));
    const { found, lengths } = await older(sessionId, before, 100);
    expect(found.length + entries.length).toBe(32);
    expect(lengths).toEqual([11, 11, 8]);
    expect([...found, ...entries].slice(0, 2).map((one) => one.kind)).toEqual(['event', 'tool']);
  });

  it.each([
    ['limit', 'limit=0'],
    ['limit', 'limit=101'],
    ['limit', 'limit=x'],
    ['before', 'before=-1'],
    ['before', 'before=1.5'],
    ['before', 'before='],
    ['minRevision', 'minRevision=x'],
    ['cursor', 'cursor=1'],
    ['page', 'page=1'],
  ])('refuses a wrong %s by name: %s', async (field, query) => {
    const { sessionId } = await begin();
    const answer = await service.request(`/api/sessions/${sessionId}/timeline?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'invalid', field, retry: false });
  });

  it('is not there for a session that is not, and empty before its first entry', async () => {
    const answer = await service.request('/api/sessions/nobody-started-this/timeline');
    expect([answer.status, answer.body]).toMatchObject([404, { code: 'not-found' }]);
    const { sessionId, ask } = await begin();
    const { revision } = await ask('session.rename', { name: 'Turned' });
    const none = { timeline: [], pagination: { limit: 5, before: null } };
    expect(await page(sessionId, `minRevision=${revision}&limit=5&before=0`)).toEqual(none);
    const beyond = await page(sessionId, 'before=2000000000');
    expect(beyond.timeline.map(shown)).toEqual(['session.started', 'session.renamed']);
  });
});
