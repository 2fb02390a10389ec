import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';
import { limits } from '../../src/config.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/log-events.ts';
import { ConsoleViewerClient } from '../support/console-viewer.ts';
import { adminKey, RunningService, type ViewerSocket } from '../support/service.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const SESSIONS = 5_000;
const IN_TIME_MS = 60_000;

let database: TestDatabase;
let service: RunningService;
const sockets: ViewerSocket[] = [];

const connectTo = (url: string): ViewerSocket => {
  const socket: ViewerSocket = io(url, {
    ...{ transports: ['websocket'], forceNew: true, reconnection: false },
    auth: { token: adminKey },
  });
  sockets.push(socket);
  return socket;
};
const connect = (): ViewerSocket => connectTo(service.url);

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({
    DATABASE_URL: database.url,
    PLAYHEAD_INGEST_PER_MINUTE: '1000000',
  });
  await report(SESSIONS, (nth) => ({
    type: 'conversation.started',
    data: { mode: 'round-robin', initial_prompt: `Prompt ${nth}`, participants: [] },
  }));
}, 120_000);

// A list is opened from the read model: what is counted in it must not depend on how far that is.
beforeEach(() => service.caughtUp());

afterAll(async () => {
  for (const socket of sockets) socket.disconnect();
  await service.stop();
  await database.drop();
});

/** Reports so many events, the n-th of conversation n (modulo 5,000), as one file. */
async function report(
  count: number,
  event: (nth: number) => { type: string; data: object },
): Promise<void> {
  const lines = Array.from({ length: count }, (_, nth) => {
    const { type, data } = event(nth);
    const conversation = `conversation ${nth % SESSIONS}`;
    const timestamp = '2026-01-01T12:00:00Z';
    return JSON.stringify({ type, timestamp, data: { conversation_id: conversation, ...data } });
  });
  const about = { type: 'application/x-ndjson' };
  const { status, text } = await service.ingest(`${lines.join('\n')}\n`, about);
  expect([status, /"error"/.test(text)]).toEqual([200, false]);
}

const message =
  (turn: string, text = 'x') =>
  (nth: number) => ({
    type: 'message.created',
    data: { message_id: `${turn} ${nth}`, agent_type: 'claude', agent_name: 'Ada', content: text },
  });

const messagesIn = (screen: ConsoleViewerClient): number =>
  (screen.list?.sessions ?? []).reduce((sum, { counted }) => sum + counted.messages, 0);

describe('a list of 5,000 sessions', () => {
  it('comes whole, then in patches of what has changed', async () => {
    const screen = new ConsoleViewerClient(connect);
    await screen.open();
    expect(screen.list?.sessions.length).toBe(SESSIONS);
    await report(1_000, message('first'));
    await eventually('all messages are counted', () => messagesIn(screen) === 1_000, IN_TIME_MS);
    const patches = screen.frames.flatMap((frame) => frame.patches);
    const touched = new Set(patches.map(({ sessionId }) => sessionId));
    expect(touched.size).toBe(1_000);
    // A session's first change may bring it whole; every later one is as small as what changed.
    screen.frames.length = 0;
    await report(1_000, message('second'));
    await eventually('all messages are counted', () => messagesIn(screen) === 2_000, IN_TIME_MS);
    const again = screen.frames.flatMap((frame) => frame.patches);
    expect(new Set(again.map(({ type }) => type))).toEqual(new Set(['session.updated']));
    expect(JSON.stringify(again).length / again.length).toBeLessThan(600);
    screen.cut();
  }, 120_000);

  it('leaves who does not read behind, who then comes to what there is', async () => {
    const cable = await startTcpProxy(service.url);
    const screen = new ConsoleViewerClient(() => connectTo(cable.url));
    await screen.open({ events: true });
    const before = messagesIn(screen);
    cable.squeeze();
    const text = 'x'.repeat(20_000);
    for (let turn = 0; turn < 3; turn += 1) await report(500, message(`squeezed ${turn}`, text));
    await service.caughtUp();
    await sleep(500);
    cable.release();
    await eventually('it is notified', () => screen.behind.length > 0, IN_TIME_MS);
    await eventually(
      'all messages are counted',
      () => messagesIn(screen) === before + 1_500,
      IN_TIME_MS,
    );
    expect([screen.behind.length, screen.closed]).toEqual([1, []]);
    screen.cut();
    await cable.close();
  }, 150_000);

  it('refuses to go on from too far back, and opens again', async () => {
    const screen = new ConsoleViewerClient(connect);
    await screen.open();
    screen.cut();
    const missed = limits.consoleResumeEventsMax + 1;
    await report(missed, message('missed'));
    await service.caughtUp();
    await expect(screen.open()).rejects.toThrow();
    const { position: after, epoch } = screen.list ?? {};
    const refused = await connect().emitWithAck('console:open', { after, epoch });
    expect(refused).toMatchObject({ ok: false, code: 'cursor-unknown' });
    const again = new ConsoleViewerClient(connect);
    await again.open();
    expect(messagesIn(again)).toBe(messagesIn(screen) + missed);
  }, 120_000);
});
