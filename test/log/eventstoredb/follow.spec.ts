import { setTimeout as sleep } from 'node:timers/promises';
import { START, type EventLog } from '../../../src/log/event-log.ts';
import { fakeEventStore, type FakeEventStoreLog } from '../../conformance/eventstore-store.ts';
import type { StreamFault } from '../../support/eventstore/streams.ts';
import { collect, eventually, someEvents } from '../../support/log-events.ts';

const watchful = {
  heartbeatIntervalMs: 60,
  heartbeatTimeoutMs: 200,
  answerMs: 150,
  retryPauseMaxMs: 20,
};

describe('following EventStoreDB', () => {
  let store: FakeEventStoreLog;
  let log: EventLog;

  beforeEach(async () => {
    store = await fakeEventStore();
    log = await store.open(watchful);
  });

  afterEach(async () => {
    store.server.start();
    store.server.thaw();
    await log.close();
  });

  let stored = 0;

  beforeEach(() => {
    stored = 0;
  });

  const append = async (count = 1): Promise<void> => {
    await log.append({ stream: 'a', expected: stored - 1, events: someEvents(count) });
    stored += count;
  };

  const beats = (): number => store.server.store.stream('playhead-heartbeat')?.length ?? 0;

  const mischiefs: StreamFault[] = ['error', 'end', 'silence', 'repeat'];

  it.each(mischiefs)('misses and repeats nothing after a subscription does: %s', async (how) => {
    const follower = collect(log, START);
    for (let round = 0; round < 4; round += 1) {
      await append(3);
      store.server.misbehave(how);
      await append(2);
      await append(2);
      await follower.holds(stored);
    }
    await sleep(50);
    expect(follower.events.map(({ revision }) => revision)).toEqual(
      Array.from({ length: stored }, (_, nth) => nth),
    );
    await follower.stop();
  });

  it('hands over nothing beyond a missing event, and goes on once it comes', async () => {
    const patient = await store.open({
      ...watchful,
      heartbeatIntervalMs: 9_000,
      heartbeatTimeoutMs: 9_000,
    });
    const follower = collect(patient, START);
    await append(3);
    await follower.holds(3);
    store.server.misbehave('skip');
    await append(4);
    await follower.holds(7);
    expect(follower.events.map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(store.warnings.join()).toMatch(/a has a gap: revision 4 follows 2/);
    await follower.stop();
    await patient.close();
  });

  it('receives its own beats while nothing happens, and keeps its subscription', async () => {
    await append(2);
    const follower = collect(log, START);
    await follower.holds(2);
    await eventually('three beats', () => beats() >= 3);
    await sleep(300);
    expect(store.server.clients.flatMap(({ subscriptions }) => subscriptions)).toHaveLength(1);
    expect(store.warnings).toEqual([]);
    expect(follower.batches.filter(({ events }) => events.length === 0)).toHaveLength(0);
    await follower.stop();
    const after = beats();
    await sleep(200);
    expect(beats()).toBe(after);
  });

  it('notices a silent subscription though the server moves by events of its own', async () => {
    await append();
    const follower = collect(log, START);
    await follower.holds(1);
    store.server.misbehave('silence');
    await eventually('a warning', () => store.warnings.some((text) => text.includes('received')));
    await eventually('a new subscription', () => store.server.subscriptions.length === 1);
    await append();
    await follower.holds(2);
    await follower.stop();
  });

  it.each([
    ['frozen', 'freeze', 'thaw'],
    ['down', 'stop', 'start'],
  ] as const)('goes on where it was after the server was %s', async (_name, breaks, heals) => {
    const follower = collect(log, START);
    await append(5);
    await follower.holds(5);
    store.server[breaks]();
    const appending = append(3);
    await sleep(500);
    expect(follower.events).toHaveLength(5);
    store.server[heals]();
    await appending;
    await follower.holds(8);
    expect(follower.events.map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    await follower.stop();
  });

  it('by a slow handler takes no more from the server than it may hold', async () => {
    const narrow = await store.open({ ...watchful, readEventsMax: 50 });
    const sizes: number[] = [];
    const revisions: number[] = [];
    const follower = narrow.follow(START, async ({ events }) => {
      sizes.push(events.length);
      revisions.push(...events.map(({ revision }) => revision));
      await sleep(5);
    });
    for (let nth = 0; nth < 10; nth += 1) await append(150);
    await eventually('all events', () => revisions.length === stored);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(50);
    expect(revisions).toEqual(revisions.map((_, nth) => nth));
    expect(store.warnings).toEqual([]);
    expect(store.server.clients.flatMap(({ subscriptions }) => subscriptions).length).toBeLessThan(
      40,
    );
    await follower.stop();
    await narrow.close();
  });

  it('takes no events of a log that was set back, and says so', async () => {
    const follower = collect(log, START);
    await append(5);
    await follower.holds(5);
    store.server.store.setBack(3);
    store.server.misbehave('error');
    await eventually('a warning', () =>
      store.warnings.some((text) => text.includes('does not hold the event at position')),
    );
    expect(follower.events).toHaveLength(5);
    await follower.stop();
  });

  it('of streams after a prefix receives nothing of other logs on the same server', async () => {
    const other = await store.open({ ...watchful, streamPrefix: 'other.' });
    expect(other.epoch).not.toBe(log.epoch);
    await append(3);
    const follower = collect(other, START);
    await other.append({ stream: 'a', expected: -1, events: someEvents(2) });
    await follower.holds(2);
    expect(follower.events.map(({ stream, revision }) => [stream, revision])).toEqual([
      ['a', 0],
      ['a', 1],
    ]);
    expect(await other.readAll({ after: START, limit: 10 })).toHaveLength(2);
    await follower.stop();
    await other.close();
  });
});
