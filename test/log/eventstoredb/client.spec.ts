import { execFile } from 'node:child_process';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { limits } from '../../../src/config.ts';
import { NO_STREAM, START } from '../../../src/log/event-log.ts';
import { openEventStoreLog } from '../../../src/log/eventstoredb/index.ts';
import { catchUncaughtErrors } from '../../../src/log/eventstoredb/errors.ts';
import { fakeEventStore, type FakeEventStoreLog } from '../../conformance/eventstore-store.ts';
import { serverFault } from '../../support/eventstore/index.ts';
import { anEvent, eventsOf, eventually, idsOf, someEvents } from '../../support/log-events.ts';

/** Long enough for an answer on a busy machine: what is not answered here never is. */
const quick = { answerMs: 500, retryPauseMaxMs: 20 };

describe('the client of EventStoreDB', () => {
  let store: FakeEventStoreLog;

  beforeEach(async () => {
    store = await fakeEventStore();
  });

  const inUse = () => store.server.clients.filter(({ isDisposed }) => !isDisposed);

  it('is one for all that a log does, and let go of when the log is closed', async () => {
    const log = await store.open();
    const follower = log.follow(START, () => undefined);
    await log.append({ stream: 'a', expected: NO_STREAM, events: someEvents(3) });
    expect([await log.head(), await eventsOf(log, 'a')]).toHaveLength(2);
    expect(store.server.clients).toHaveLength(1);
    await follower.stop();
    await log.close();
    expect(inUse()).toEqual([]);
  });

  it('is replaced when it never answers, and everything acknowledged is there', async () => {
    const log = await store.open(quick);
    const first = someEvents(3);
    await log.append({ stream: 'a', expected: NO_STREAM, events: first });
    store.server.mischief.push('poison');
    const rest = await Promise.all(
      Array.from({ length: 10 }, async (_, nth) => {
        const event = anEvent();
        await log.append({ stream: `b-${nth}`, expected: NO_STREAM, events: [event] });
        return event;
      }),
    );
    expect(store.server.clients).toHaveLength(2);
    expect(inUse()).toHaveLength(1);
    expect(idsOf(await eventsOf(log, 'a'))).toEqual(idsOf(first));
    for (const [nth, { id }] of rest.entries()) {
      expect(idsOf(await eventsOf(log, `b-${nth}`))).toEqual([id]);
    }
    await log.close();
  });

  it('is replaced when it fails all the time though the server is well', async () => {
    const log = await store.open({ ...quick, answerMs: 1_000 });
    const broken = store.server.clients[0]!;
    broken.appendToStream = () => Promise.reject(serverFault('unknown', 'features'));
    const answer = await log.append({ stream: 'a', expected: NO_STREAM, events: [anEvent()] });
    expect(answer.revision).toBe(0);
    expect([broken.isDisposed, store.server.clients.length]).toEqual([true, 2]);
    await log.close();
  });

  it('does not hold up what follows when it cannot let go', async () => {
    const log = await store.open(quick);
    store.server.disposeHangs = true;
    store.server.mischief.push('poison');
    // The old client is never let go of: what waited for that would not end either.
    await log.append({ stream: 'a', expected: NO_STREAM, events: [anEvent()] });
    expect(store.server.clients).toHaveLength(2);
    await log.close();
  });

  it('that throws where nobody waits is replaced, and the process goes on', async () => {
    const got: Error[] = [];
    const release = catchUncaughtErrors((fault) => got.push(fault));
    const stray = new TypeError('undefined is not iterable');
    stray.stack = 'at x (/app/node_modules/@eventstore/db-client/dist/streams/batchAppend.js:20)';
    process.emit('unhandledRejection', stray, Promise.resolve());
    expect(got).toEqual([stray]);
    const foreign = new Error('not of the client');
    expect(() => process.emit('unhandledRejection', foreign, Promise.resolve())).toThrow(foreign);
    release();
    expect(got).toHaveLength(1);

    const log = await store.open(quick);
    process.emit('unhandledRejection', stray, Promise.resolve());
    await eventually('a new client', () => store.server.clients.length === 2);
    await log.close();
  });
});

const built = new URL('../../../dist/src/log/eventstoredb/errors.js', import.meta.url);

/** A process in which the client throws, beside everything, and then somebody else does. */
const throwing = `
  import { catchUncaughtErrors } from '${built.href}';
  catchUncaughtErrors(({ message }) => console.log(message));
  const late = new TypeError('late');
  late.stack = 'at x (/app/node_modules/@eventstore/db-client/dist/batchAppend.js:20)';
  void Promise.reject(late);
  setTimeout(() => { throw late; }, 10);
  setTimeout(() => { throw new Error('foreign'); }, 100);
  setTimeout(() => console.log('lives on'), 1_000);`;

describe('a process with the client of EventStoreDB', () => {
  it('lives on when that throws, and ends by any other fault as it would without', async () => {
    const run = promisify(execFile);
    const ended = run(process.execPath, ['--input-type=module', '--eval', throwing]);
    const failure = (await ended.catch((fault: unknown) => fault)) as Record<string, unknown>;
    expect(failure['stdout']).toBe('late\nlate\n');
    expect(failure['stderr']).toContain('Error: foreign');
    expect(failure['code']).toBeGreaterThan(0);
  });
});

describe('the identity of a log in EventStoreDB', () => {
  it('is the same for nodes that open it at once, and written once', async () => {
    const store = await fakeEventStore();
    const logs = await Promise.all([store.open(), store.open(), store.open()]);
    expect(new Set(logs.map(({ epoch }) => epoch)).size).toBe(1);
    expect(store.server.store.stream('playhead-log')).toHaveLength(1);
    expect(store.server.store.stream('$$playhead-heartbeat')?.[0]?.data).toEqual({ maxCount: 1 });
    for (const log of logs) await log.close();
  });

  it('that was written again, since somebody deleted it, is refused', async () => {
    const store = await fakeEventStore();
    await (await store.open()).close();
    const [first] = store.server.store.stream('playhead-log')!;
    const event = { ...anEvent({ epoch: 'other' }), contentType: 'application/json' as const };
    store.server.store.append(
      'playhead-log',
      [{ ...event, metadata: {} } as never],
      first!.revision,
    );
    await expect(store.open()).rejects.toThrow('playhead-log');
  });
});

describe('the real client of EventStoreDB, without a server', () => {
  let listener: Server;
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    listener = createServer((socket) => sockets.add(socket));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    if (listener.listening) await new Promise((resolve) => listener.close(resolve));
  });

  const opening = (answerMs: number) => {
    const { port } = listener.address() as AddressInfo;
    const connectionString = `esdb://127.0.0.1:${port}?tls=false`;
    return openEventStoreLog({ connectionString, ...limits, answerMs });
  };

  it('fails to open in time where nothing listens', async () => {
    const log = opening(2_000);
    const { port } = listener.address() as AddressInfo;
    listener.close();
    expect(port).toBeGreaterThan(0);
    await expect(log).rejects.toThrow();
  });

  it('fails to open in time where nothing answers', async () => {
    const start = performance.now();
    await expect(opening(500)).rejects.toThrow('no answer');
    expect(performance.now() - start).toBeLessThan(4_000);
  });

  it('refuses an address that is none', async () => {
    const options = { connectionString: 'nonsense', ...limits };
    await expect(openEventStoreLog(options)).rejects.toThrow();
  });
});
