import { sessionStream } from '@playhead/contract';
import { asSessionEvent } from '../../src/live/frames.ts';
import { SessionHistory } from '../../src/live/history/session-history.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { MemorySnapshots, openMemoryLog } from '../../src/log/memory/index.ts';
import type { Fold, Snapshot } from '../../src/log/snapshots.ts';
import { pastOf, random, randomSession } from '../support/past.ts';

const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
const limits = {
  ...{ foldSliceMax: 10, readBytesMax: 100_000, historySnapshotEvery: 5 },
  ...{ historySnapshotShare: 2, historyCacheBytesMax: 1, historyFoldsMax: 2 },
};

/** Counts what is kept, and what is read. */
class CountingSnapshots extends MemorySnapshots {
  kept: Snapshot[] = [];

  override async keep(fold: Fold, stream: string, snapshot: Snapshot): Promise<void> {
    this.kept.push(snapshot);
    await super.keep(fold, stream, snapshot);
  }
}

/** A log with one session of so many events; `taken` says how many were read from it. */
async function logWith(sessionId: string, length: number, of = seed) {
  const log = openMemoryLog();
  const events = randomSession(of, length);
  await log.append({ stream: sessionStream(sessionId), expected: -1, events });
  let read = 0;
  const counting: EventLog = Object.assign(Object.create(log) as EventLog, {
    read: async (...about: Parameters<EventLog['read']>) => {
      const found = await log.read(...about);
      read += found.length;
      return found;
    },
    last: (stream: string) => log.last(stream),
  });
  const recorded = await log.read(sessionStream(sessionId), { after: -1, limit: 10_000 });
  return {
    log: counting,
    recorded,
    events: recorded.map(asSessionEvent),
    taken: () => read,
  };
}

const historyOf = (
  log: EventLog,
  snapshots: MemorySnapshots,
  changed: Partial<typeof limits> = {},
): SessionHistory =>
  new SessionHistory(
    {
      ...{ log, snapshots },
      onFault: (fault) => {
        throw fault;
      },
    },
    { ...limits, ...changed },
  );

/** What a session was, as far as it is folded; `undefined` when it was refused. */
async function stateAt(history: SessionHistory, revision: number) {
  const found = await history.at('s', { revision });
  if ('code' in found) return undefined;
  const { session, participants, openMessages, runningTools } = found.state;
  return {
    ...{ session, participants, revision: found.event.revision },
    messages: [...openMessages.keys()].sort(),
    tools: [...runningTools.keys()].sort(),
  };
}

it('a state is the fold of the first events, from whatever snapshot it was folded', async () => {
  const { log, events } = await logWith('s', 150);
  const next = random(seed);
  for (const changed of [{}, { historyCacheBytesMax: 1e6 }, { foldSliceMax: 1 }]) {
    const history = historyOf(log, new MemorySnapshots(), changed);
    for (let nth = 0; nth < 100; nth += 1) {
      const revision = Math.floor(next() * events.length);
      const past = pastOf(events.slice(0, revision + 1));
      const { session, participants, messages, tools, ...rest } =
        (await stateAt(history, revision)) ?? {};
      expect({ seed, session, participants, ...rest }).toEqual({
        ...{ seed, revision, session: past.session, participants: past.participants },
      });
      const open = past.messages.filter(({ state }) => state === 'open');
      const running = past.tools.filter(({ state }) => state === 'running');
      expect(messages).toEqual(expect.arrayContaining(open.map((one) => one.messageId)));
      expect(tools).toEqual(expect.arrayContaining(running.map((one) => one.callId)));
    }
  }
});

it('snapshots take no more than their share of the events, however large states become', async () => {
  const { log, recorded } = await logWith('s', 400);
  for (const historySnapshotShare of [1, 4, 1_000]) {
    const snapshots = new CountingSnapshots();
    const history = historyOf(log, snapshots, { historySnapshotShare });
    await history.at('s', { revision: 399 });
    const kept = snapshots.kept.reduce((sum, { data }) => sum + JSON.stringify(data).length, 0);
    const bytes = recorded.reduce((sum, event) => sum + event.bytes, 0);
    expect(kept * historySnapshotShare).toBeLessThanOrEqual(bytes);
    if (historySnapshotShare === 1) expect(snapshots.kept.length).toBeGreaterThan(1);
    if (historySnapshotShare === 1_000) expect(snapshots.kept).toEqual([]);
  }
});

it('once folded, a long session is read for a few events; the same again, for none', async () => {
  const { log, taken } = await logWith('s', 400);
  const snapshots = new CountingSnapshots();
  const history = historyOf(log, snapshots, { historySnapshotShare: 0, historyCacheBytesMax: 1e6 });
  await history.at('s', { revision: 399 });
  for (const revision of [17, 250, 398]) {
    const before = taken();
    await history.at('s', { revision });
    expect(taken() - before).toBeLessThanOrEqual(limits.historySnapshotEvery + 1);
    const after = taken();
    await history.at('s', { revision });
    expect(taken()).toBe(after);
  }
});

it('many who ask for a long session at once have it folded once', async () => {
  const { log, events, taken } = await logWith('s', 400);
  const snapshots = new CountingSnapshots();
  const history = historyOf(log, snapshots, { historySnapshotShare: 0 });
  const revisions = Array.from({ length: 30 }, (_, nth) => 399 - nth);
  const states = await Promise.all(revisions.map((revision) => stateAt(history, revision)));
  states.forEach((state, nth) => {
    expect(state?.session).toEqual(pastOf(events.slice(0, 400 - nth)).session);
  });
  expect(taken()).toBeLessThan(400 + 30 * 12 * limits.historySnapshotEvery);
});

it('snapshots of another log do not count, and go', async () => {
  const snapshots = new MemorySnapshots();
  const old = await logWith('s', 100, seed + 1);
  await historyOf(old.log, snapshots).at('s', { revision: 99 });
  const { log, events } = await logWith('s', 100, seed + 2);
  const state = await stateAt(historyOf(log, snapshots), 80);
  expect(state?.session).toEqual(pastOf(events.slice(0, 81)).session);
});

it('too many long folds at once are refused, to be tried again; short ones go on', async () => {
  const log = openMemoryLog();
  for (let nth = 0; nth < 4; nth += 1) {
    const events = randomSession(seed + nth, 200);
    await log.append({ stream: sessionStream(`long ${nth}`), expected: -1, events });
  }
  const history = historyOf(log, new MemorySnapshots());
  const answers = await Promise.all(
    [0, 1, 2, 3].map((nth) => history.at(`long ${nth}`, { revision: 199 })),
  );
  const refused = answers.filter((answer) => 'code' in answer);
  expect(refused).toEqual([
    expect.objectContaining({ code: 'overloaded', retry: true }),
    expect.objectContaining({ code: 'overloaded', retry: true }),
  ]);
  expect(await history.at('long 3', { revision: 10 })).not.toHaveProperty('code');
  expect(await history.at('long 3', { revision: 199 })).not.toHaveProperty('code');
  expect(await history.at('long 2', { revision: 199 }, 100)).toMatchObject({ code: 'too-large' });
});

it('a read that may fold only so much ends no other; a log that fails ends all', async () => {
  const { log, events } = await logWith('s', 120);
  const history = historyOf(log, new MemorySnapshots());
  const [short, whole] = await Promise.all([
    history.at('s', { revision: 100 }, 10),
    stateAt(history, 100),
  ]);
  expect(short).toMatchObject({ code: 'too-large' });
  expect(whole?.session).toEqual(pastOf(events.slice(0, 101)).session);
  const failing: EventLog = Object.assign(Object.create(log) as EventLog, {
    read: () => Promise.reject(new Error('gone')),
  });
  const broken = historyOf(failing, new MemorySnapshots());
  const reads = [100, 100, 99, 3].map((revision) => broken.at('s', { revision }));
  const settled = await Promise.allSettled(reads);
  expect(settled.map(({ status }) => status)).toEqual(reads.map(() => 'rejected'));
  failing.read = (...about) => log.read(...about);
  expect((await stateAt(broken, 100))?.session).toEqual(whole?.session);
});
