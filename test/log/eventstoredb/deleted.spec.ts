import { refuse, sessionStream, type Refusal } from '@playhead/contract';
import { limits } from '../../../src/config.ts';
import { problemOf } from '../../../src/http/problem.ts';
import { SessionSubscriptions } from '../../../src/live/session/session-subscriptions.ts';
import { MemorySnapshots } from '../../../src/log/memory/index.ts';
import type { EventLog } from '../../../src/log/event-log.ts';
import { openTail, type Tail } from '../../../src/log/tail.ts';
import { openCommands } from '../../../src/startup/open-parts.ts';
import { fakeEventStore, type FakeEventStoreLog } from '../../conformance/eventstore-store.ts';
import { anEvent } from '../../support/log-events.ts';

/*
 * Somebody deletes the stream of a session on the server. Clients must not ask for ever for what
 * will never be there again, and nobody else may notice.
 */

let store: FakeEventStoreLog;
let log: EventLog;
let tail: Tail;
const faults: unknown[] = [];

const deleted = sessionStream('deleted');

beforeEach(async () => {
  store = await fakeEventStore();
  log = await store.open();
  for (const stream of [deleted, sessionStream('alive')]) {
    await log.append({ stream, expected: -1, events: [anEvent()] });
  }
  tail = await openTail(log, { bytesMax: 1_000_000 });
  // The fake server names streams as the log does.
  store.server.store.tombstone(deleted);
});
afterEach(async () => {
  await tail.stop();
  await log.close();
});

it('reads, appends and the last event are refused for good, and of other streams they work', async () => {
  for (const work of [
    () => log.read(deleted, { after: -1, limit: 10 }),
    () => log.last(deleted),
    () => log.append({ stream: deleted, expected: 0, events: [anEvent()] }),
  ]) {
    await expect(work()).rejects.toMatchObject({ code: 'deleted' });
  }
  expect(await log.read(sessionStream('alive'), { after: -1, limit: 10 })).toHaveLength(1);
  expect([...(log.deletedStreams ?? [])]).toEqual([deleted]);
});

it('over HTTP that is 410, which no client tries again', async () => {
  const failure: unknown = await log.last(deleted).catch((fault: unknown) => fault);
  expect(problemOf(failure).refusal).toEqual(
    refuse('deleted', 'the stream was deleted on the EventStoreDB server'),
  );
  expect(problemOf(failure).refusal.retry).toBe(false);
});

it('a command is refused in the same words, and the next session takes its own', async () => {
  const commands = openCommands({ log, snapshots: new MemorySnapshots() }, limits);
  const ask = (sessionId: string): Promise<unknown> =>
    commands
      .handle({
        id: `rename ${sessionId}`,
        sessionId,
        actor: 'key:test',
        command: { type: 'session.rename', data: { name: 'x' } },
        bytes: 10,
      })
      .catch((fault: unknown) => fault);
  expect(await ask('deleted')).toMatchObject({ code: 'deleted' });
  // It is there; that it was never started is a matter of its state.
  expect(await ask('alive')).not.toMatchObject({ code: 'deleted' });
  await commands.close();
});

it.each([undefined, -1, 0])(
  'an open after %s is refused, and no fault of the service',
  async (after) => {
    const sources = { log, tail, snapshots: new MemorySnapshots() };
    const subscriptions = new SessionSubscriptions(sources, limits, (fault) => faults.push(fault));
    const refusal = await new Promise<Refusal>((resolve, reject) => {
      subscriptions.open(
        { sessionId: 'deleted', ...(after !== undefined && { after }) },
        {
          audience: { broadcast: () => undefined },
          denied: () => Promise.resolve(undefined),
          whenDrained: async (work) => work(),
          opened: () => reject(new Error('it was opened')),
          refused: resolve,
          send: () => undefined,
          join: () => undefined,
          behind: () => undefined,
          leave: () => undefined,
          hasRoomFor: () => true,
          closed: resolve,
        },
      );
    });
    expect(refusal).toMatchObject({ code: 'deleted', retry: false });
    expect(faults).toEqual([]);
    subscriptions.stop();
  },
);
