import { emptyTimeline, evolveTimeline, type SessionEvent } from '@playhead/contract';
import fc from 'fast-check';
import { type Cursor, statusOf } from '../../packages/client/src/session/state.ts';
import { sessionScenarios, perform, type SessionScenario } from './session-scenarios.ts';
import { ScriptedServer } from './scripted-server.ts';
import { bounds, SessionHarness } from './session-harness.ts';
import { repeats } from '../support/repeats.ts';

const RUNS = repeats({ few: 1_000, all: 3_000 });
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);

const originOf = ({ log }: ScriptedServer, kind: SessionScenario['origin']): Cursor | undefined => {
  const revision = Math.floor(log.length / 2);
  const eventId = log[revision]?.id ?? null;
  switch (kind) {
    case 'start':
      return { revision: -1, eventId: null };
    case 'middle':
      return { revision, eventId };
    case 'unchecked':
      return { revision, eventId: null };
    case 'beyond':
      return { revision: 1_000, eventId: null };
    case 'foreign':
      return { revision, eventId: '00000000-0000-4000-8000-000000000000' };
    case 'view':
      return undefined;
  }
};

/** The timeline folded live is the one that the log gives when it is replayed. */
function judgeTimeline({ state }: SessionHarness, { log }: ScriptedServer): void {
  const timeline = state.view?.timeline;
  expect(timeline).toEqual(log.reduce(evolveTimeline, emptyTimeline));
  const begun = timeline?.entries.map(({ startedRevision }) => startedRevision) ?? [];
  expect(begun).toEqual([...new Set(begun)].sort((one, other) => one - other));
}

/** The view is what the log folds to, and it is known that it is. */
function judgeView(harness: SessionHarness, server: ScriptedServer): void {
  const { state } = harness;
  expect(state.view).toEqual(server.views.get(server.head?.id ?? ''));
  expect(state.cursor).toEqual({ revision: server.head?.revision, eventId: server.head?.id });
  if (!server.isCaughtUpLost) expect(statusOf(state)).toBe('live');
  judgeTimeline(harness, server);
}

const isPartOf = (log: readonly SessionEvent[], given: readonly SessionEvent[]): boolean =>
  given.every((event) => log[event.revision] === event);

/** Who still reads has everything from the origin on; others a part of a log that there was. */
function judgeReaders({ state, readers }: SessionHarness, server: ScriptedServer): void {
  for (const { given, finished, hasLeft } of readers) {
    if (finished || hasLeft) {
      expect(server.logs.some((log) => isPartOf(log, given))).toBe(true);
    } else {
      const due = server.log.slice((state.origin?.revision ?? NaN) + 1);
      expect(given.map(({ id }) => id)).toEqual(due.map(({ id }) => id));
    }
    if (finished) expect(finished.refusal?.code).toBe('cursor-unknown');
  }
  const resets = readers.some(({ finished }) => finished) ? 1 : 0;
  expect(state.resets).toBeGreaterThanOrEqual(resets);
}

function play(scenario: SessionScenario): void {
  const server = new ScriptedServer();
  server.append(scenario.before);
  const origin = originOf(server, scenario.origin);
  const harness = new SessionHarness(server, origin);
  harness.read();
  for (const one of scenario.acts) perform(server, harness, one);
  harness.settle(scenario.answersAreLate);
  for (const one of scenario.ending) perform(server, harness, one);
  harness.settle(scenario.answersAreLate);
  expect(harness.faults).toEqual([]);
  if (server.isFaithful) {
    judgeView(harness, server);
    judgeReaders(harness, server);
  }
  // Of what is lost at the end, only what follows it can tell.
  server.append(1);
  harness.settle();
  expect(harness.faults).toEqual([]);
  judgeView(harness, server);
  judgeReaders(harness, server);
  const isLost = ['beyond', 'foreign'].includes(scenario.origin);
  const isRead = harness.readers.some(({ hasLeft }) => !hasLeft);
  if (isLost && isRead) expect(harness.state.resets).toBeGreaterThan(0);
  if (origin && harness.state.resets === 0) {
    expect(harness.state.origin?.revision).toBe(origin.revision);
  }
}

describe('a session subscription', () => {
  it(`is in the end what the log folds to, and every reader gets each event once, whatever happens on the wire (seed ${seed})`, () => {
    fc.assert(fc.property(sessionScenarios, play), { numRuns: RUNS, seed, endOnFailure: true });
  });

  const liveHarness = (events: number, origin?: Cursor) => {
    const server = new ScriptedServer();
    server.append(events);
    const harness = new SessionHarness(server, origin);
    harness.settle();
    return { server, harness };
  };

  it('shares with the view before what an event does not change', () => {
    const { server, harness } = liveHarness(9);
    const before = harness.state.view;
    server.append(1);
    harness.settle();
    expect(harness.state.view).not.toBe(before);
    expect(harness.state.view?.messages).toBe(before?.messages);
  });

  it('needs one opening, whatever comes while it is not answered', () => {
    const { server, harness } = liveHarness(9);
    harness.cut();
    harness.connect();
    const { attempt: attempt } = harness.state;
    server.append(3);
    server.accept();
    server.answer(2);
    for (let page = 0; page < 2; page += 1) server.replay();
    for (const at of [0, 1]) server.swap(at);
    expect(server.down.map(({ type }) => type)).toEqual(['frame', 'frame', 'answered']);
    harness.settle();
    judgeView(harness, server);
    expect(harness.state.attempt).toBe(attempt);
  });

  it('reads a long log for a slow reader in parts, each event about once', () => {
    const { server, harness } = liveHarness(500, { revision: -1, eventId: null });
    harness.read();
    harness.settle();
    judgeReaders(harness, server);
    expect(harness.readers[0]?.given).toHaveLength(500);
    expect(harness.received).toBeLessThan(500 * 3);
  });

  it('says how it stands', () => {
    const server = new ScriptedServer();
    server.append(9);
    const harness = new SessionHarness(server, undefined);
    const statuses = [statusOf(harness.state)];
    const next = (step: () => void): void => {
      step();
      statuses.push(statusOf(harness.state));
    };
    next(() => harness.connect());
    server.accept();
    server.answer(5);
    server.replay();
    next(() => harness.receive());
    next(() => harness.receive());
    next(() => (server.fallBehind(), harness.receive()));
    server.append(9);
    next(() => (server.replay(), harness.receive()));
    next(() => harness.settle());
    next(() => (server.close('shutting-down'), harness.receive()));
    next(() => harness.cut());
    next(() => harness.settle());
    next(() => (server.close('forbidden'), harness.receive()));
    expect(statuses).toEqual([
      ...['connecting', 'connecting', 'replaying', 'live'],
      ...['behind', 'behind', 'live', 'connecting', 'connecting', 'live', 'closed'],
    ]);
    expect(harness.state.phase).toMatchObject({ refusal: { code: 'forbidden' } });
  });

  it.each(['not-found', 'unauthenticated', 'forbidden'] as const)(
    'is over when it is refused with %s, for its readers too, also for those that come later',
    (code) => {
      const server = new ScriptedServer();
      server.append(9);
      const harness = new SessionHarness(server, undefined);
      harness.read();
      server.refuseNext(code);
      harness.connect();
      server.accept();
      server.answer(1);
      harness.receive();
      harness.read();
      harness.feed({ type: 'connected' });
      expect(server.up).toEqual([]);
      expect(statusOf(harness.state)).toBe('closed');
      expect(harness.readers).toMatchObject([
        { finished: { refusal: { code } } },
        { finished: { refusal: { code } } },
      ]);
    },
  );

  it('keeps no more frames than it may while an opening is not answered', () => {
    const { server, harness } = liveHarness(9);
    harness.feed({ type: 'timed-out', attempt: harness.state.attempt });
    server.lose(0);
    harness.cut();
    harness.connect();
    server.accept();
    server.answer(1);
    server.replay();
    for (let attempt = 0; attempt < bounds.framesBufferedMax * 3; attempt += 1) server.append(1);
    // The answer comes last of all.
    for (let at = 0; at + 1 < server.down.length; at += 1) server.swap(at);
    harness.settle();
    server.append(1);
    harness.settle();
    expect(harness.faults).toEqual([]);
    judgeView(harness, server);
  });
});
