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
  expect(statusOf(state)).toBe('live');
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

function live(life: SessionScenario): void {
  const server = new ScriptedServer();
  server.append(life.before);
  const origin = originOf(server, life.origin);
  const subject = new SessionHarness(server, origin);
  subject.read();
  for (const one of life.acts) perform(server, subject, one);
  subject.settle(life.answersAreLate);
  for (const one of life.ending) perform(server, subject, one);
  subject.settle(life.answersAreLate);
  expect(subject.faults).toEqual([]);
  if (server.isFaithful) {
    judgeView(subject, server);
    judgeReaders(subject, server);
  }
  // Of what is lost at the end, only what follows it can tell.
  server.append(1);
  subject.settle();
  expect(subject.faults).toEqual([]);
  judgeView(subject, server);
  judgeReaders(subject, server);
  const isLost = ['beyond', 'foreign'].includes(life.origin);
  const isRead = subject.readers.some(({ hasLeft }) => !hasLeft);
  if (isLost && isRead) expect(subject.state.resets).toBeGreaterThan(0);
  if (origin && subject.state.resets === 0) {
    expect(subject.state.origin?.revision).toBe(origin.revision);
  }
}

describe('a session that is followed', () => {
  it(`is in the end what the log folds to, and every reader gets each event once, whatever happens on the wire (seed ${seed})`, () => {
    fc.assert(fc.property(sessionScenarios, live), { numRuns: RUNS, seed, endOnFailure: true });
  });

  const liveSubject = (events: number, origin?: Cursor) => {
    const server = new ScriptedServer();
    server.append(events);
    const subject = new SessionHarness(server, origin);
    subject.settle();
    return { server, subject };
  };

  it('shares with the view before what an event does not change', () => {
    const { server, subject } = liveSubject(9);
    const before = subject.state.view;
    server.append(1);
    subject.settle();
    expect(subject.state.view).not.toBe(before);
    expect(subject.state.view?.messages).toBe(before?.messages);
  });

  it('needs one opening, whatever comes while it is not answered', () => {
    const { server, subject } = liveSubject(9);
    subject.cut();
    subject.connect();
    const { attempt: attempt } = subject.state;
    server.append(3);
    server.hear();
    server.answer(2);
    for (let page = 0; page < 2; page += 1) server.replay();
    for (const at of [0, 1]) server.swap(at);
    expect(server.down.map(({ type }) => type)).toEqual(['frame', 'frame', 'answered']);
    subject.settle();
    judgeView(subject, server);
    expect(subject.state.attempt).toBe(attempt);
  });

  it('reads a long log for a slow reader in parts, each event about once', () => {
    const { server, subject } = liveSubject(500, { revision: -1, eventId: null });
    subject.read();
    subject.settle();
    judgeReaders(subject, server);
    expect(subject.readers[0]?.given).toHaveLength(500);
    expect(subject.received).toBeLessThan(500 * 3);
  });

  it('says how it stands', () => {
    const server = new ScriptedServer();
    server.append(9);
    const subject = new SessionHarness(server, undefined);
    const told = [statusOf(subject.state)];
    const next = (step: () => void): void => {
      step();
      told.push(statusOf(subject.state));
    };
    next(() => subject.connect());
    server.hear();
    server.answer(5);
    server.replay();
    next(() => subject.receive());
    next(() => subject.receive());
    next(() => (server.fallBehind(), subject.receive()));
    server.append(9);
    next(() => (server.replay(), subject.receive()));
    next(() => subject.settle());
    next(() => (server.close('shutting-down'), subject.receive()));
    next(() => subject.cut());
    next(() => subject.settle());
    next(() => (server.close('forbidden'), subject.receive()));
    expect(told).toEqual([
      ...['connecting', 'connecting', 'replaying', 'live'],
      ...['behind', 'behind', 'live', 'connecting', 'connecting', 'live', 'closed'],
    ]);
    expect(subject.state.phase).toMatchObject({ refusal: { code: 'forbidden' } });
  });

  it.each(['not-found', 'unauthenticated', 'forbidden'] as const)(
    'is over when it is refused with %s, for its readers too, also for those that come later',
    (code) => {
      const server = new ScriptedServer();
      server.append(9);
      const subject = new SessionHarness(server, undefined);
      subject.read();
      server.refuseNext(code);
      subject.connect();
      server.hear();
      server.answer(1);
      subject.receive();
      subject.read();
      subject.feed({ type: 'connected' });
      expect(server.up).toEqual([]);
      expect(statusOf(subject.state)).toBe('closed');
      expect(subject.readers).toMatchObject([
        { finished: { refusal: { code } } },
        { finished: { refusal: { code } } },
      ]);
    },
  );

  it('keeps no more frames than it may while an opening is not answered', () => {
    const { server, subject } = liveSubject(9);
    subject.feed({ type: 'timed-out', attempt: subject.state.attempt });
    server.lose(0);
    subject.cut();
    subject.connect();
    server.hear();
    server.answer(1);
    server.replay();
    for (let attempt = 0; attempt < bounds.framesBufferedMax * 3; attempt += 1) server.append(1);
    // The answer comes last of all.
    for (let at = 0; at + 1 < server.down.length; at += 1) server.swap(at);
    subject.settle();
    server.append(1);
    subject.settle();
    expect(subject.faults).toEqual([]);
    judgeView(subject, server);
  });
});
