import {
  compareSessions,
  matchesFilter,
  type ConsoleFilter,
  type SessionView,
} from '@playhead/contract';
import fc from 'fast-check';
import { statusOf } from '../../packages/client/src/session/state.ts';
import { consoleScenarios, times, type ConsoleScenario } from './console-scenarios.ts';
import { ScriptedConsole } from './scripted-console.ts';
import { framesBufferedMax, ConsoleHarness } from './console-harness.ts';
import { repeats } from '../support/repeats.ts';

const RUNS = repeats({ few: 1_000, all: 3_000 });
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);

/** Of the list that the client began with and all that was touched since: those that match now. */
function dueOf({ views, log, filter }: ScriptedConsole, { base }: ConsoleHarness): SessionView[] {
  const touched = log.filter(({ position }) => position > (base?.position ?? ''));
  const due = new Set([
    ...(base?.sessions ?? []).map(({ sessionId }) => sessionId),
    ...touched.map(({ sessionId }) => sessionId),
  ]);
  return [...views.values()]
    .filter((view) => due.has(view.sessionId) && matchesFilter(filter, view))
    .sort(compareSessions);
}

function judge(server: ScriptedConsole, harness: ConsoleHarness): void {
  const { state, base, given } = harness;
  expect(statusOf(state)).toBe('live');
  expect(state.sessions).toEqual(dueOf(server, harness));
  expect(state.cursor?.epoch).toBe(server.epoch);
  if (Object.keys(server.filter).length > 0) return;
  const due = server.log.filter(({ position }) => position > (base?.position ?? ''));
  expect(given.map(({ id }) => id)).toEqual(due.map(({ id }) => id));
}

function play(scenario: ConsoleScenario): void {
  const server = new ScriptedConsole(scenario.filter, scenario.listMax);
  server.append(scenario.before);
  const harness = new ConsoleHarness(server);
  for (const act of scenario.acts) act(server, harness);
  harness.settle();
  for (const act of scenario.ending) act(server, harness);
  harness.settle();
  if (server.isFaithful) judge(server, harness);
  // Of what is lost at the end, only what follows it can tell.
  server.append([0]);
  harness.settle();
  expect(harness.faults).toEqual([]);
  judge(server, harness);
}

describe('a list that is watched', () => {
  it(`is in the end the one of the service, with each event once, whatever happens on the wire (seed ${seed})`, () => {
    fc.assert(fc.property(consoleScenarios, play), { numRuns: RUNS, seed, endOnFailure: true });
  });

  const liveHarness = (filter: ConsoleFilter = {}) => {
    const server = new ScriptedConsole(filter, 100);
    server.append([0, 1, 2, 3]);
    const harness = new ConsoleHarness(server);
    harness.settle();
    return { server, harness };
  };
  const shown = ({ state }: ConsoleHarness, id: string): SessionView | undefined =>
    state.sessions?.find(({ sessionId }) => sessionId === id);

  it('shares with the list before what has not changed, also when it was asked for again', () => {
    const { server, harness } = liveHarness();
    const before = harness.state.sessions;
    server.append([5]);
    harness.settle();
    expect(shown(harness, 's0')).not.toBe(before?.find(({ sessionId }) => sessionId === 's0'));
    expect(shown(harness, 's1')).toBe(before?.find(({ sessionId }) => sessionId === 's1'));
    harness.cut();
    server.append(Array.from({ length: 30 }, () => 5));
    harness.settle();
    expect(harness.state.resets).toBe(1);
    expect(shown(harness, 's1')).toBe(before?.find(({ sessionId }) => sessionId === 's1'));
    judge(server, harness);
  });

  it('shows the old list while it is cut off and until another one takes its place', () => {
    const { server, harness } = liveHarness();
    harness.cut();
    server.restore(4, [7]);
    expect(harness.state.sessions).toHaveLength(4);
    harness.connect();
    server.accept();
    server.answer(1, 0);
    harness.receive();
    expect([harness.state.resets, harness.state.sessions?.length]).toEqual([1, 4]);
    harness.settle();
    expect(harness.state.sessions?.map(({ sessionId }) => sessionId)).toEqual(['s2']);
  });

  it('clears what is sent as null', () => {
    const { server, harness } = liveHarness();
    server.append([20]);
    harness.settle();
    expect(shown(harness, 's0')).toMatchObject({ activity: 'error', activityMessage: 'no' });
    server.append([0]);
    harness.settle();
    expect(shown(harness, 's0')).toMatchObject({ activity: 'idle', activityMessage: null });
  });

  it('goes on from its cursor after a cut, in one opening, whatever is faster than the answer', () => {
    const { server, harness } = liveHarness();
    harness.cut();
    server.append([1, 2]);
    harness.connect();
    const { attempt: attempt } = harness.state;
    expect(server.up[0]?.request).toMatchObject({ after: '00000004', epoch: server.epoch });
    server.accept();
    server.answer(1, 0);
    times(2, () => server.replay());
    for (const at of [0, 1]) server.swap(at);
    expect(server.down.map(({ type }) => type)).toEqual(['frame', 'frame', 'answered']);
    harness.settle();
    judge(server, harness);
    expect([harness.state.attempt, harness.state.resets]).toEqual([attempt, 0]);
  });

  it('keeps no more frames than it may while an opening is not answered', () => {
    const { server, harness } = liveHarness();
    harness.cut();
    harness.connect();
    server.accept();
    server.answer(1, 0);
    server.replay();
    times(framesBufferedMax * 3, () => server.append([1]));
    for (let at = 0; at + 1 < server.down.length; at += 1) server.swap(at);
    harness.settle();
    server.append([1]);
    harness.settle();
    expect(harness.faults).toEqual([]);
    judge(server, harness);
  });

  it('waits longer and longer while frames keep missing, and not after the first time', () => {
    const { server, harness } = liveHarness();
    times(2, () => server.append([1]));
    server.lose(0);
    harness.receive();
    expect([harness.state.phase.is, harness.pauses]).toEqual(['opening', []]);
    server.accept();
    server.answer(1, 0);
    harness.receive();
    times(2, () => server.replay());
    server.lose(0);
    harness.receive();
    expect([harness.state.phase.is, harness.pauses.length]).toEqual(['backing-off', 1]);
    harness.settle();
    expect(harness.state.failures).toBe(0);
    judge(server, harness);
  });

  it('waits longer the more openings are refused in a row', () => {
    const server = new ScriptedConsole({}, 100);
    const harness = new ConsoleHarness(server);
    harness.connect();
    times(3, () => {
      server.refuseNext('not-yet');
      server.accept();
      server.answer(1, 0);
      harness.receive();
      harness.wake();
    });
    expect(harness.failures).toEqual([0, 1, 2]);
    harness.settle();
    judge(server, harness);
  });

  it('asks no more because a frame came twice', () => {
    const { server, harness } = liveHarness();
    const { attempt: attempt } = harness.state;
    times(2, () => server.append([1]));
    times(2, () => server.repeat(2));
    harness.settle();
    expect(harness.state.attempt).toBe(attempt);
    judge(server, harness);
  });

  it('takes nothing that came before a list for what follows it', () => {
    const { server, harness } = liveHarness();
    harness.cut();
    server.restore(0, []);
    server.append([1]);
    harness.connect();
    for (const unknown of [true, false]) {
      server.accept();
      server.answer(1, 0);
      const from = '00000005';
      const frame = { from, through: '00000006', patches: [], events: [] };
      if (!unknown) harness.feed({ type: 'frame', frame });
      harness.receive();
    }
    expect(harness.state.cursor?.position).toBe('00000005');
    harness.settle();
    judge(server, harness);
  });

  it('says how it stands', () => {
    const server = new ScriptedConsole({}, 100);
    server.append([1, 2, 3]);
    const harness = new ConsoleHarness(server);
    const got = [statusOf(harness.state)];
    const next = (step: () => void): void => {
      step();
      got.push(statusOf(harness.state));
    };
    next(() => harness.connect());
    server.accept();
    server.answer(5, 1);
    times(2, () => server.replay());
    next(() => harness.receive());
    next(() => harness.receive());
    next(() => harness.receive());
    next(() => (server.slow(1), harness.receive()));
    next(() => harness.settle());
    next(() => (server.close('shutting-down'), harness.receive()));
    next(() => harness.wake());
    next(() => harness.cut());
    next(() => harness.settle());
    next(() => (server.close('forbidden'), harness.receive()));
    expect(got).toEqual([
      ...['connecting', 'connecting', 'replaying', 'replaying', 'live', 'behind', 'live'],
      ...['connecting', 'replaying', 'connecting', 'live', 'closed'],
    ]);
    expect(harness.state.phase).toMatchObject({ refusal: { code: 'forbidden' } });
    harness.feed({ type: 'connected' });
    expect(harness.state.phase.is).toBe('closed');
  });

  it.each(['invalid', 'unauthenticated', 'forbidden', 'cursor-unknown'] as const)(
    'is over when it is refused with %s',
    (code) => {
      const server = new ScriptedConsole({}, 100);
      const harness = new ConsoleHarness(server);
      server.refuseNext(code);
      harness.connect();
      server.accept();
      server.answer(1, 0);
      harness.receive();
      expect(harness.state.phase).toMatchObject({ is: 'closed', refusal: { code } });
      expect([server.up, harness.pauses]).toEqual([[], []]);
    },
  );
});
