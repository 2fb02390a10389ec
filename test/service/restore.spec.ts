import { rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import {
  evolveMessage,
  evolveOpenView,
  messageIdOf,
  type ConsoleOpen,
  type ConsoleOpened,
  type MessageView,
  type OpenView,
  type Refused,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import { ask, Load } from '../support/load.ts';
import { commandsUnder, runCommands } from '../support/documented-commands.ts';
import { temporaryFolder } from '../support/postgres-process.ts';
import { startOwnPostgres, toolsFolder } from '../support/postgres-tools.ts';
import { logInPostgres, RunningService } from '../support/service.ts';
import { ReconnectingViewer } from '../support/reconnecting-viewer.ts';

/* The commands of docs/operate.md, as they stand, and what that page says is true afterwards. */

const sessionIds = ['s 1', 's 2', 's 3', 's 4', 's 5', 's 6'];
const COMMANDS = 160;

/** What came of a restored service, beside what the original was. */
interface Story {
  readonly restored: RunningService;
  readonly load: Load;
  /** Commands that were acknowledged before the backup began. */
  readonly before: number;
  /** Each session of the original, in the end. */
  readonly events: ReadonlyMap<string, readonly SessionEvent[]>;
  /** Cursors of the original's list, from before the backup and from the end. */
  readonly cursors: readonly Required<Pick<ConsoleOpen, 'after' | 'epoch'>>[];
  restart(): Promise<RunningService>;
  end(): Promise<void>;
}

async function eventsOf(service: RunningService, sessionId: string): Promise<SessionEvent[]> {
  const path = `/api/sessions/${encodeURIComponent(sessionId)}/events?limit=1000`;
  const all: SessionEvent[] = [];
  for (;;) {
    const page = await service.get<{ events: SessionEvent[]; caughtUp: boolean }>(
      `${path}&after=${all.length - 1}`,
    );
    all.push(...page.events);
    if (page.caughtUp) return all;
  }
}

const allEvents = async (service: RunningService) =>
  new Map(
    await Promise.all(sessionIds.map(async (id) => [id, await eventsOf(service, id)] as const)),
  );

/** What each message of a session says, as the read model has it. */
async function messagesIn(service: RunningService, path: string): Promise<Map<string, string>> {
  const said = new Map<string, string>();
  for (let page = 1; ; page += 1) {
    const { messages } = await service.get<{ messages: MessageView[] }>(
      `${path}/messages?limit=100&page=${page}`,
    );
    for (const { messageId, content } of messages) said.set(messageId, content);
    if (messages.length < 100) return said;
  }
}

/** The same, folded from events. */
function messagesOf(events: readonly SessionEvent[]): Map<string, MessageView> {
  const folded = new Map<string, MessageView>();
  for (const event of events) {
    const messageId = messageIdOf(event) ?? '';
    const message = evolveMessage(folded.get(messageId), event);
    if (message) folded.set(messageId, message);
  }
  return folded;
}

async function openConsole(
  service: RunningService,
  at: ConsoleOpen = {},
): Promise<ConsoleOpened | Refused> {
  const socket = service.connect();
  const answer = await socket.emitWithAck('console:open', at);
  socket.close();
  return answer;
}

async function cursorOf(service: RunningService) {
  await service.caughtUp();
  const opened = await openConsole(service);
  if (!opened.ok) throw new Error(opened.message);
  return { after: opened.position, epoch: opened.epoch };
}

/** An operator's own Postgres, dumped while six sessions are written to. */
async function dumped(tools: string): Promise<Story> {
  const cwd = await temporaryFolder();
  const postgres = await startOwnPostgres(tools);
  const restoredUrl = new URL(postgres.url);
  restoredUrl.pathname = '/playhead_restored';
  const env = {
    PATH: [tools, process.env.PATH].join(delimiter),
    DATABASE_URL: postgres.url,
    RESTORED_URL: restoredUrl.href,
  };
  const [dump, restore] = commandsUnder('Your own Postgres');
  const original = await RunningService.start({ ...logInPostgres, DATABASE_URL: postgres.url });
  const load = new Load(sessionIds);
  load.start(original);
  await load.answers(COMMANDS);
  const early = await cursorOf(original);
  const before = load.acknowledged.length;
  await runCommands(dump, { cwd, env });
  expect(load.acknowledged.length).toBeGreaterThan(before);
  await load.answers(COMMANDS);
  await load.stop();
  const [events, late] = [await allEvents(original), await cursorOf(original)];
  await original.kill();
  await runCommands(restore, { cwd, env });
  const restart = () => RunningService.start({ ...logInPostgres, DATABASE_URL: restoredUrl.href });
  const end = async () => {
    await postgres.stop();
    await rm(cwd, { recursive: true });
  };
  const cursors = [early, late];
  return { restored: await restart(), load, before, events, cursors, restart, end };
}

/** The embedded Postgres, whose folder is copied while the service is stopped. */
async function copied(): Promise<Story> {
  const cwd = await temporaryFolder();
  const [backUp, restore] = commandsUnder('The embedded Postgres');
  const restart = () =>
    RunningService.start({ ...logInPostgres, PLAYHEAD_DATA_DIR: join(cwd, '.playhead') });
  const first = await restart();
  const load = new Load(sessionIds);
  load.start(first);
  await load.answers(COMMANDS);
  await expect(runCommands(backUp, { cwd, env: {} })).rejects.toThrow();
  await load.stop();
  const early = await cursorOf(first);
  await first.stop();
  const before = load.acknowledged.length;
  await runCommands(backUp, { cwd, env: {} });
  const second = await restart();
  // The original is where it was, and what its clients hold stays right.
  expect(await openConsole(second, early)).toMatchObject({ ok: true });
  load.start(second);
  await load.answers(COMMANDS);
  await load.stop();
  const [events, late] = [await allEvents(second), await cursorOf(second)];
  await second.stop();
  await runCommands(restore, { cwd, env: {} });
  const end = () => rm(cwd, { recursive: true });
  const cursors = [early, late];
  return { restored: await restart(), load, before, events, cursors, restart, end };
}

const withTools = toolsFolder === undefined ? describe.skip : describe;

describe('a folder of the embedded Postgres that was put back', () => itIsRight(copied));

withTools('a dump taken under load and restored', () => {
  itIsRight(() => dumped(toolsFolder ?? ''));
});

function itIsRight(tell: () => Promise<Story>): void {
  let story: Story;
  let restored: RunningService;
  let held: ReadonlyMap<string, readonly SessionEvent[]>;
  beforeAll(async () => {
    story = await tell();
    restored = story.restored;
    held = await allEvents(restored);
  }, 240_000);
  afterAll(async () => {
    await restored.stop();
    await story.end();
  });

  it('holds whole sessions up to one moment, and all that was acknowledged before', () => {
    for (const [sessionId, events] of held) {
      expect(events).toEqual(story.events.get(sessionId)?.slice(0, events.length));
    }
    const positions = [...held.values()].flat().map(({ position }) => Number(position));
    expect(positions.sort((a, b) => a - b)).toEqual(positions.map((_, nth) => nth + 1));
    const lost = story.load.acknowledged
      .slice(0, story.before)
      .filter(({ sessionId, answer }) => answer.revision >= (held.get(sessionId)?.length ?? 0));
    expect(lost).toEqual([]);
    const inTheEnd = [...story.events.values()].flat().length;
    expect(inTheEnd - positions.length).toBeGreaterThan(COMMANDS / 2);
  });

  it('has read models of that moment, which are not rebuilt', async () => {
    await restored.caughtUp();
    expect(restored.output).not.toContain('is rebuilt');
    expect(restored.output).toContain('the database is a copy');
    for (const [sessionId, events] of held) {
      const truth = events.reduce<OpenView | undefined>(evolveOpenView, undefined);
      const path = `/api/sessions/${encodeURIComponent(sessionId)}`;
      const row = await restored.get<SessionView>(`${path}?minRevision=${events.length - 1}`);
      expect([row.status, row.counted]).toEqual([truth?.session.status, truth?.session.counted]);
      const [said, whole] = [await messagesIn(restored, path), messagesOf(events)];
      expect([...said.keys()].sort()).toEqual([...whole.keys()].sort());
      const wrong = [...whole.values()]
        // Read models leave out what a message says until it is complete.
        .filter(({ state }) => state !== 'open')
        .filter(({ messageId, content }) => said.get(messageId) !== content);
      expect(wrong).toEqual([]);
    }
  });

  it('answers a retried command that it holds as the original did, and does others again', async () => {
    const [first] = story.load.acknowledged;
    const last = story.load.acknowledged.at(-1);
    if (!first || !last) throw new Error('nothing was acknowledged');
    expect(await ask(restored, first)).toEqual({ ...first.answer, appended: false });
    const redone = await ask(restored, { ...last, type: 'session.rename', data: { name: 'x' } });
    expect(redone).toMatchObject({ appended: true, revision: held.get(last.sessionId)?.length });
  });

  it('goes on from session cursors that it holds, and from no other', async () => {
    const [sessionId = ''] = sessionIds;
    const original = story.events.get(sessionId) ?? [];
    const head = (await eventsOf(restored, sessionId)).length - 1;
    const cursor = (after: number) => ({ after, afterId: original[after]?.id ?? '' });
    const socket = restored.connect();
    const watcher = new ReconnectingViewer(socket, sessionId);
    const asked = held.get(sessionId)?.length ?? 0;
    expect(await watcher.open(cursor(asked - 3))).toMatchObject({ ok: true });
    const stranger = new ReconnectingViewer(restored.connect(), sessionId);
    const beyond = [cursor(head + 1), { after: head + 1 }, cursor(original.length - 1)];
    for (const at of beyond) expect(await stranger.open(at)).toMatchObject(unknown);
    // Now other events come to lie where the original's were.
    for (let nth = 0; nth <= original.length - head; nth += 1) {
      const data = { content: `after the restore ${nth}` };
      await ask(restored, { sessionId, type: 'message.post', data, key: `${nth}` });
    }
    const events = await eventsOf(restored, sessionId);
    expect(events.length).toBeGreaterThan(original.length);
    await watcher.through(events.length - 1);
    expect([watcher.faults, watcher.events]).toEqual([[], events.slice(asked - 2)]);
    for (const at of [cursor(head + 1), cursor(original.length - 1)]) {
      expect(await stranger.open(at)).toMatchObject(unknown);
      const path = `/api/sessions/${encodeURIComponent(sessionId)}/events`;
      const query = new URLSearchParams({ after: `${at.after}`, afterId: at.afterId });
      expect((await restored.request(`${path}?${query}`)).status).toBe(410);
    }
    expect([stranger.frames, stranger.faults]).toEqual([[], []]);
    for (const { socket: one } of [watcher, stranger]) one.close();
  });

  it('knows no cursor of the original list, and goes on from its own through a restart', async () => {
    for (const cursor of story.cursors) {
      expect(await openConsole(restored, cursor)).toMatchObject(unknown);
    }
    const own = await cursorOf(restored);
    expect(story.cursors.map(({ epoch }) => epoch)).not.toContain(own.epoch);
    // The log of the copy has grown past what the first cursor names, if not past both.
    expect(own.after > (story.cursors[0]?.after ?? '')).toBe(true);
    await restored.stop();
    restored = await story.restart();
    expect(await openConsole(restored, own)).toMatchObject({ ok: true, epoch: own.epoch });
    expect(restored.output).not.toContain('the database is a copy');
  });
}

const unknown = { ok: false, code: 'cursor-unknown' };
