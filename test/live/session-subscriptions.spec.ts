import { setImmediate as nextTurn } from 'node:timers/promises';
import { evolveOpenView, sessionStream, type OpenView } from '@playhead/contract';
import fc from 'fast-check';
import { asSessionEvent } from '../../src/live/frames.ts';
import {
  SessionSubscriptions,
  type SessionSubscriptionsLimits,
} from '../../src/live/session/session-subscriptions.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { MemorySnapshots, openMemoryLog } from '../../src/log/memory/index.ts';
import { openTail } from '../../src/log/tail.ts';
import { histories, newEvent, type Happening } from '../support/histories.ts';
import { pausing, slowed } from './random-delays.ts';
import { Client, Rooms, type From } from './session-client.ts';
import { repeats } from '../support/repeats.ts';

const RUNS = repeats({ few: 200, all: 400 });
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
const sessionIds = ['s1', 's 2', 's-ü/3', '4🚀'];

type Act =
  | { readonly act: 'append'; readonly count: number }
  | { readonly act: 'open'; readonly client: number; readonly from: From }
  | { readonly act: 'drop'; readonly client: number }
  | { readonly act: 'pass'; readonly turns: number };

const client = fc.nat(5);
const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ act: fc.constant('append'), count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('open'),
      client,
      from: fc.constantFrom<From>('view', 'start', 'cursor', 'cursor'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('drop'), client }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('pass'), turns: fc.nat(6) }) },
);

/** One life of a node: what happens, who watches, and how unlucky they are. */
const lives = fc.record({
  history: histories(80),
  /** How much of it is there before the node starts. */
  before: fc.nat(30),
  acts: fc.array(acts, { minLength: 5, maxLength: 80 }),
  pauses: fc.array(fc.constantFrom(0, 0, 0, 1, 1, 2, 5), { minLength: 20, maxLength: 100 }),
  slowness: fc.array(fc.constantFrom(false, false, false, false, true), {
    minLength: 7,
    maxLength: 31,
  }),
  tailBytesMax: fc.constantFrom(300, 1_500, 5_000, 1_000_000),
  limits: fc.record({
    readEventsMax: fc.constantFrom(1, 3, 1_000),
    replayBytesMax: fc.constantFrom(400, 2_000, 100_000),
    sharedReadsBytesMax: fc.constantFrom(1, 3_000, 10_000_000),
    readBytesMax: fc.constantFrom(400, 100_000),
    foldSliceMax: fc.constantFrom(1, 3, 1_000),
    viewCacheBytesMax: fc.constantFrom(4_000, 10_000_000),
    snapshotEvery: fc.constantFrom(1, 7, 1_000),
  }),
});
type Life = typeof lives extends fc.Arbitrary<infer T> ? T : never;

/** Events whose data is not what their type promises, now and then. */
const sick = (happening: Happening, nth: number): Happening =>
  nth % 11 === 10
    ? { sessionId: happening.sessionId, type: 'message.posted', data: null }
    : happening;

/** Appends one after another, with time in between; nobody waits for it before the end. */
const writing = (log: EventLog, pause: () => Promise<void>, heads: Map<string, number>) => {
  let written = Promise.resolve();
  return (happenings: readonly Happening[]): Promise<void> => {
    for (const happening of happenings) {
      const stream = sessionStream(happening.sessionId);
      written = written.then(pause).then(async () => {
        const append = { stream, expected: 'any' as const, events: [newEvent(happening)] };
        const { revision } = await log.append(append);
        heads.set(happening.sessionId, revision);
      });
    }
    return written;
  };
};

/** What the server's fold gives after each event of a session. */
async function truth(log: EventLog, sessionId: string): Promise<string[]> {
  const events = await log.read(sessionStream(sessionId), { after: -1, limit: 10_000 });
  let view: OpenView | undefined;
  return events.map((event) =>
    JSON.stringify((view = evolveOpenView(view, asSessionEvent(event)))),
  );
}

/** How often somebody was too slow, in all lives. */
let timesBehind = 0;

/** A node of its own for one life. */
async function live(life: Life): Promise<void> {
  const log = openMemoryLog();
  const pause = pausing(life.pauses);
  const unlucky = slowed(log, pause);
  const history = life.history.map(sick);
  const heads = new Map<string, number>();
  const write = writing(log, pause, heads);
  await write(history.splice(0, life.before));
  const tail = await openTail(unlucky, { bytesMax: life.tailBytesMax });
  const faults: unknown[] = [];
  const subscriptions = new SessionSubscriptions(
    { log: unlucky, tail, snapshots: new MemorySnapshots() },
    life.limits satisfies SessionSubscriptionsLimits,
    (fault) => faults.push(fault),
  );
  try {
    await act(life, { log, subscriptions, pause, write, heads }, history);
    expect(faults).toEqual([]);
    expect([subscriptions.viewers, subscriptions.sessions]).toEqual([0, 0]);
  } finally {
    subscriptions.stop();
    await tail.stop();
    await log.close();
  }
}

interface Node {
  readonly log: EventLog;
  readonly subscriptions: SessionSubscriptions;
  readonly pause: () => Promise<void>;
  readonly write: ReturnType<typeof writing>;
  /** Revision of each session's last event that was answered. */
  readonly heads: ReadonlyMap<string, number>;
}

async function act(
  life: Life,
  { log, subscriptions, pause, write, heads }: Node,
  history: Happening[],
): Promise<void> {
  const rooms = new Rooms();
  let isCalm = false;
  let asked = 0;
  const isSlow = (): boolean => !isCalm && (life.slowness[asked++ % life.slowness.length] ?? false);
  const clients = [0, 1, 2, 3, 0, 1].map((nth) => {
    const sessionId = sessionIds[nth] ?? '';
    const head = (): number => heads.get(sessionId) ?? -1;
    return new Client(sessionId, { subscriptions, rooms, pause, isSlow, head });
  });
  for (const one of life.acts) {
    if (one.act === 'append') void write(history.splice(0, one.count));
    else if (one.act === 'open') clients[one.client]?.open(one.from);
    else if (one.act === 'drop') clients[one.client]?.drop();
    else for (let turn = 0; turn < one.turns; turn += 1) await nextTurn();
  }
  await write(history);
  isCalm = true;
  await settle(log, clients);
  await judge(log, clients);
  for (const one of clients) timesBehind += one.timesBehind;
  for (const each of clients) each.drop();
  expect(clients.flatMap((one) => [...one.joined])).toEqual([]);
  await nextTurn();
}

/** Whoever is not open opens once more from where it stopped; then all come to the head. */
async function settle(log: EventLog, clients: readonly Client[]): Promise<void> {
  for (let turn = 0; turn < 5_000; turn += 1) {
    const heads = await Promise.all(clients.map((one) => log.last(sessionStream(one.sessionId))));
    const isSettled = clients.map((one, nth) => {
      const head = heads[nth]?.revision;
      if (head === undefined) return !one.isOpening;
      if (!one.isOpen && !one.isOpening) one.open('cursor');
      return one.isCaughtUp && one.cursor?.revision === head;
    });
    if (isSettled.every(Boolean)) return;
    await nextTurn();
  }
  const states = clients.map((one) => [one.cursor, one.isCaughtUp, one.refusedWith, one.faults]);
  throw new Error(`not caught up: ${JSON.stringify(states)}`);
}

async function judge(log: EventLog, clients: readonly Client[]): Promise<void> {
  for (const one of clients) {
    expect(one.faults).toEqual([]);
    const right = await truth(log, one.sessionId);
    const wrong = one.folds.filter(
      ({ revision, view }) => JSON.stringify(view) !== right[revision],
    );
    expect(wrong).toEqual([]);
    expect([undefined, 'not-found']).toContain(one.refusedWith);
  }
}

describe('the subscriptions', () => {
  it(`shows no viewer a hole or a double, whatever comes between (seed ${seed})`, async () => {
    await fc.assert(fc.asyncProperty(lives, live), { numRuns: RUNS, seed, endOnFailure: true });
    expect(timesBehind).toBeGreaterThan(RUNS / 4);
  }, 300_000);
});
