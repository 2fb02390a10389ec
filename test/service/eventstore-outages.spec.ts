import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Refused, SessionEvent } from '@playhead/contract';
import { limits } from '../../src/config.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/log-events.ts';
import { RunningService } from '../support/service.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { ReconnectingViewer } from '../support/reconnecting-viewer.ts';

/*
 * The service while its EventStoreDB is away. `EVENTSTORE_STOP` and `EVENTSTORE_START` are shell
 * commands that kill the server at `EVENTSTORE_URL` and start it again on the same data.
 */
const { EVENTSTORE_URL = '', EVENTSTORE_STOP = '', EVENTSTORE_START = '' } = process.env;

const OUTAGE_MS = 30_000;
const WRITERS = 6;
/** A writer is answered by then: the log's own time, and that of a busy machine. */
const toldWithinMs = limits.appendDeadlineMs + 5_000;

const run = (command: string) => promisify(execFile)('sh', ['-c', command]);

let database: TestDatabase;
let cable: TcpProxy;
let service: RunningService;

beforeAll(async () => {
  if (!EVENTSTORE_URL) return;
  database = await freshDatabase();
  cable = await startTcpProxy(EVENTSTORE_URL.replace(/^esdb:/, 'http:'));
  service = await RunningService.start({
    DATABASE_URL: database.url,
    EVENTSTORE_URL: `${cable.url.replace('http:', 'esdb:')}?tls=false`,
    PLAYHEAD_LOG_LEVEL: 'silent',
  });
});

afterAll(async () => {
  if (!EVENTSTORE_URL) return;
  expect(await service.stop()).toBe(0);
  await cable.close();
  await database.drop();
});

/** Posts messages one after another, each until it is acknowledged. */
class Writer {
  readonly sessionId = randomUUID();
  readonly acknowledged: string[] = [];
  readonly refusals: Refused[] = [];
  slowestMs = 0;
  isStopped = false;

  async write(): Promise<void> {
    await this.#ask('/api/sessions', { sessionId: this.sessionId });
    const path = `/api/sessions/${this.sessionId}/commands/message.post`;
    for (let nth = 0; !this.isStopped; nth += 1) {
      const messageId = `m${nth}`;
      await this.#ask(path, { messageId, role: 'user', source: 'user', content: messageId });
      this.acknowledged.push(messageId);
      await sleep(20);
    }
  }

  async #ask(path: string, body: object): Promise<void> {
    const key = randomUUID();
    for (;;) {
      const begin = performance.now();
      const answer = await service.request(path, {
        type: 'application/json',
        headers: { 'idempotency-key': key },
        body: JSON.stringify(body),
      });
      this.slowestMs = Math.max(this.slowestMs, performance.now() - begin);
      if (answer.status < 300) return;
      this.refusals.push(answer.body as Refused);
      await sleep(200);
    }
  }
}

const readiness = async (): Promise<number> =>
  (await service.request('/health/ready', { key: null })).status;

async function survives(begin: () => unknown, end: () => unknown): Promise<void> {
  const writers = Array.from({ length: WRITERS }, () => new Writer());
  const writing = Promise.all(writers.map((writer) => writer.write()));
  await eventually('all write', () => writers.every((one) => one.acknowledged.length > 5), 30_000);
  const watchers = writers.map(
    ({ sessionId }) => new ReconnectingViewer(service.connect(), sessionId),
  );
  for (const watcher of watchers)
    expect(await watcher.open({ after: -1 })).toMatchObject({ ok: true });
  expect(await readiness()).toBe(200);

  await begin();
  const away = performance.now();
  await eventually('it is not ready', async () => (await readiness()) === 503, 10_000);
  await sleep(Math.max(0, OUTAGE_MS - (performance.now() - away)));
  await end();

  await eventually('it is ready again', async () => (await readiness()) === 200, 30_000);
  const before = writers.map(({ acknowledged }) => acknowledged.length);
  await eventually(
    'all write again',
    () => writers.every(({ acknowledged }, nth) => acknowledged.length > before[nth]! + 5),
    30_000,
  );
  for (const writer of writers) writer.isStopped = true;
  await writing;
  expect(Math.max(...writers.map(({ slowestMs }) => slowestMs))).toBeLessThan(toldWithinMs);
  for (const { refusals } of writers) {
    for (const one of refusals) expect(one).toMatchObject({ code: 'unavailable', retry: true });
  }
  for (const [nth, { sessionId, acknowledged }] of writers.entries()) {
    const watcher = watchers[nth]!;
    const { events } = await service.get<{ events: SessionEvent[] }>(
      `/api/sessions/${sessionId}/events?limit=1000`,
    );
    const posted = events.filter(({ type }) => type === 'message.posted');
    expect(posted.map(({ data }) => (data as { messageId: string }).messageId)).toEqual(
      acknowledged,
    );
    await watcher.through(events.length - 1);
    expect([watcher.faults, watcher.closed, watcher.socket.connected]).toEqual([[], [], true]);
    expect(watcher.events.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
    watcher.socket.disconnect();
  }
}

const itWith = (isThere: unknown): jest.It => (isThere ? it : it.skip);

describe('the service on EventStoreDB loses and doubles nothing, and says how it is, while', () => {
  itWith(EVENTSTORE_URL)(
    'the network is cut',
    () =>
      survives(
        () => cable.unplug(),
        () => cable.plug(),
      ),
    150_000,
  );

  itWith(EVENTSTORE_URL)(
    'the server freezes',
    () =>
      survives(
        () => cable.squeeze(),
        () => cable.release(),
      ),
    150_000,
  );

  itWith(EVENTSTORE_URL && EVENTSTORE_STOP && EVENTSTORE_START)(
    'the server is killed and started again',
    () =>
      survives(
        () => run(EVENTSTORE_STOP),
        () => run(EVENTSTORE_START),
      ),
    150_000,
  );
});
