import { setImmediate as nextTurn } from 'node:timers/promises';
import { sessionStream, type SessionFrame, type SessionOpen } from '@playhead/contract';
import { limits } from '../../src/config.ts';
import { SessionSubscriptions } from '../../src/live/session/session-subscriptions.ts';
import type { SessionViewer } from '../../src/live/session/session-viewer.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { MemorySnapshots, openMemoryLog } from '../../src/log/memory/index.ts';
import { openTail, type Tail } from '../../src/log/tail.ts';
import { newEvent } from '../support/histories.ts';

const VIEWERS = 1_000;
const EVENTS = 5_000;
const PAGE = 500;
const sessionId = 'everybody is here';
const stream = sessionStream(sessionId);

let log: EventLog;
let tail: Tail;
let subscriptions: SessionSubscriptions;
let ids: string[];
/** What the log was asked, of this session. */
const asked = { read: 0, last: 0 };

/** The log as over a network: answers come turns later, and are counted. */
const counted = (of: EventLog): EventLog => ({
  ...of,
  read: async (name, options) => {
    asked.read += 1;
    const answer = await of.read(name, options);
    for (let turns = 0; turns < 20; turns += 1) await nextTurn();
    return answer;
  },
  last: async (name) => {
    asked.last += 1;
    for (let turns = 0; turns < 20; turns += 1) await nextTurn();
    return of.last(name);
  },
});

beforeEach(async () => {
  log = openMemoryLog();
  const events = Array.from({ length: EVENTS }, () =>
    newEvent({ sessionId, type: 'session.renamed', data: { name: 'x' } }),
  );
  await log.append({ stream, expected: -1, events });
  ids = events.map(({ id }) => id);
  // As after a restart: the tail holds nothing of what was before.
  tail = await openTail(log, { bytesMax: limits.tailBytesMax });
  const own = { ...limits, readEventsMax: PAGE, replayBytesMax: 10_000_000 };
  const sources = { log: counted(log), tail, snapshots: new MemorySnapshots() };
  subscriptions = new SessionSubscriptions(sources, own, (fault) => {
    throw fault;
  });
  asked.read = 0;
  asked.last = 0;
});
afterEach(async () => {
  subscriptions.stop();
  await tail.stop();
  await log.close();
});

/** Opens and answers with the revisions that came, once it is live. */
const replay = (request: SessionOpen): Promise<number[]> =>
  new Promise((resolve, reject) => {
    const revisions: number[] = [];
    let turn = Promise.resolve();
    const viewer: SessionViewer = {
      audience: { broadcast: () => undefined },
      denied: async () => undefined,
      whenDrained: (work) => (turn = turn.then(work)),
      opened: () => undefined,
      refused: (refusal) => reject(new Error(refusal.message)),
      send: ({ events, caughtUp }: SessionFrame) => {
        for (const { revision } of events) revisions.push(revision);
        if (caughtUp) resolve(revisions);
      },
      join: () => undefined,
      behind: () => undefined,
      leave: () => undefined,
      hasRoomFor: () => true,
      closed: () => undefined,
    };
    subscriptions.open(request, viewer);
  });

const from = (after: number): SessionOpen => {
  const afterId = ids[after];
  return { sessionId, after, ...(afterId && { afterId }) };
};

const beyond = (after: number): string =>
  Array.from({ length: EVENTS - 1 - after }, (_, nth) => after + 1 + nth).join();

describe('a thousand viewers who are back at once on one session', () => {
  it('read each page of the log once', async () => {
    const after = 1_500;
    const all = await Promise.all(Array.from({ length: VIEWERS }, () => replay(from(after))));
    expect(all.filter((one) => one.join() !== beyond(after))).toEqual([]);
    expect(asked.last).toBeLessThanOrEqual(2);
    // The page with the cursor in it, those beyond, and one that finds no more.
    expect(asked.read).toBeLessThanOrEqual((EVENTS - after) / PAGE + 2);
  });

  it('read about as little when each was cut off elsewhere', async () => {
    const cursors = Array.from({ length: VIEWERS }, (_, nth) => 4_000 + ((nth * 7) % 300));
    const all = await Promise.all(cursors.map((after) => replay(from(after))));
    expect(all.filter((one, nth) => one.join() !== beyond(cursors[nth] ?? 0))).toEqual([]);
    expect(asked.last).toBeLessThanOrEqual(2);
    expect(asked.read).toBeLessThanOrEqual(10);
  });

  it('and a thousand who come a little later read nothing that was read', async () => {
    await replay(from(-1));
    const { read } = asked;
    await Promise.all(Array.from({ length: VIEWERS }, (_, nth) => replay(from(nth * 5 - 1))));
    // Only that there is no more has to be asked again.
    expect(asked.read - read).toBeLessThanOrEqual(5);
  });
});
