import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Refused, SessionEvent, SessionFrame, SessionOpened } from '@playhead/contract';
import { until } from '../support/postgres-process.ts';
import { RunningService } from '../support/service.ts';
import { repeats } from '../support/repeats.ts';

const WRITERS = 16;
const KILLS = repeats({ few: 8, all: 20 });
const SESSIONS = ['a', 'b', 'c', 'd'].map((name) => `killed ${name}`);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'playhead-killed-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const start = (): Promise<RunningService> =>
  RunningService.start({
    PLAYHEAD_DATA_DIR: folder,
    PLAYHEAD_INGEST_PER_MINUTE: '1000000',
    PLAYHEAD_LOG_LEVEL: 'error',
  });

const body = (session: string, id: string): string =>
  JSON.stringify({
    type: 'message.created',
    timestamp: '2026-01-01T00:00:00Z',
    data: { conversation_id: session, message_id: id, agent_type: 'claude', content: id },
  });

/** Posts messages one after another; what was not answered is sent again in the next life. */
class Writer {
  readonly acknowledged: string[] = [];
  #sent = 0;

  constructor(readonly name: string) {}

  async write(service: RunningService): Promise<void> {
    const session = SESSIONS[Number(this.name) % SESSIONS.length] ?? '';
    for (;;) {
      const id = `${session} ${this.name} ${this.#sent}`;
      const answer = await service.ingest(body(session, id)).catch(() => undefined);
      if (!answer) return;
      expect(answer.status).toBe(201);
      this.acknowledged.push(id);
      this.#sent += 1;
    }
  }
}

/** Keeps every raw frame's events, and the revision it goes on from. */
class Viewer {
  readonly held = new Map<number, string>();
  through = -1;
  faults: string[] = [];

  constructor(readonly sessionId: string) {}

  async watch(service: RunningService): Promise<void> {
    const socket = service.connect();
    socket.on('session:events', (frame: SessionFrame) => this.#take(frame));
    const ended = new Promise<void>((resolve) => {
      socket.on('disconnect', () => resolve());
      // It may be killed before it has answered at all.
      socket.on('connect_error', () => resolve());
    });
    for (;;) {
      const open = { sessionId: this.sessionId, after: this.through };
      const got: unknown = await socket
        .timeout(5_000)
        .emitWithAck('session:open', open)
        .catch(() => undefined);
      const answer = got as SessionOpened | Refused | undefined;
      if (!answer || answer.ok) break;
      if (answer.code !== 'not-found') this.faults.push(answer.code);
      await sleep(20);
    }
    await ended;
    socket.close();
  }

  #take(frame: SessionFrame): void {
    if (frame.sessionId !== this.sessionId) return;
    if (frame.from !== this.through + 1) this.faults.push(`${frame.from} after ${this.through}`);
    for (const event of frame.events) this.held.set(event.revision, event.id);
    this.through = frame.through;
  }
}

/** All events of a session, page by page. */
async function logOf(service: RunningService, sessionId: string): Promise<SessionEvent[]> {
  const all: SessionEvent[] = [];
  for (;;) {
    const path = `/api/sessions/${encodeURIComponent(sessionId)}/events`;
    const after = all.at(-1)?.revision ?? -1;
    const page = await service.get<{ events: SessionEvent[]; caughtUp: boolean }>(
      `${path}?after=${after}&limit=1000`,
    );
    all.push(...page.events);
    if (page.caughtUp) return all;
  }
}

it('kill -9 amid 16 writers, 20 times: nothing acknowledged is lost, nothing shown was untrue', async () => {
  const writers = Array.from({ length: WRITERS }, (_, at) => new Writer(String(at)));
  const viewers = SESSIONS.map((session) => new Viewer(session));
  const acknowledged = () => writers.flatMap((writer) => writer.acknowledged);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const service = await start();
    const running = [
      ...writers.map((writer) => writer.write(service)),
      ...viewers.map((viewer) => viewer.watch(service)),
    ];
    // Every other life is long enough for writers to get their answers, however slow the machine.
    const enough = acknowledged().length + (kill % 2) * 2 * WRITERS;
    await until(() => acknowledged().length >= enough);
    await sleep(100 + Math.random() * 400);
    await service.kill();
    await Promise.all(running);
  }

  const service = await start();
  const logs = await Promise.all(SESSIONS.map((session) => logOf(service, session)));
  for (const [nth, log] of logs.entries()) {
    expect(log.map(({ revision }) => revision)).toEqual(log.map((_, at) => at));
    const viewer = viewers[nth];
    expect(viewer?.faults).toEqual([]);
    const untrue = [...(viewer?.held ?? [])].filter(([revision, id]) => log[revision]?.id !== id);
    expect(untrue).toEqual([]);
  }
  const stored = logs
    .flat()
    .flatMap(({ type, data }) =>
      type === 'message.posted' ? [(data as { messageId: string }).messageId] : [],
    );
  expect(new Set(stored).size).toBe(stored.length);
  expect(acknowledged().length).toBeGreaterThanOrEqual(KILLS * WRITERS);
  const held = new Set(stored);
  expect(acknowledged().filter((id) => !held.has(id))).toEqual([]);

  await service.caughtUp();
  for (const [nth, session] of SESSIONS.entries()) {
    const row = await service.get<{ _count: { messages: number } }>(
      `/api/sessions/${encodeURIComponent(session)}`,
    );
    const posted = logs[nth]?.filter(({ type }) => type === 'message.posted').length;
    expect(row._count.messages).toBe(posted);
  }
  expect(await service.stop()).toBe(0);
}, 480_000);
