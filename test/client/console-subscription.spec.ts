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

function judge(server: ScriptedConsole, watcher: ConsoleHarness): void {
  const { state, base, given } = watcher;
  expect(statusOf(state)).toBe('live');
  expect(state.sessions).toEqual(dueOf(server, watcher));
  expect(state.cursor?.epoch).toBe(server.epoch);
  if (Object.keys(server.filter).length > 0) return;
  const due = server.log.filter(({ position }) => position > (base?.position ?? ''));
  expect(given.map(({ id }) => id)).toEqual(due.map(({ id }) => id));
}

function live(life: ConsoleScenario): void {
  const server = new ScriptedConsole(life.filter, life.listMax);
  server.append(life.before);
  const watcher = new ConsoleHarness(server);
  for (const act of life.acts) act(server, watcher);
  watcher.settle();
  for (const act of life.ending) act(server, watcher);
  watcher.settle();
  if (server.isFaithful) judge(server, watcher);
  // Of what is lost at the end, only what follows it can tell.
  server.append([0]);
  watcher.settle();
  expect(watcher.faults).toEqual([]);
  judge(server, watcher);
}

describe('a list that is watched', () => {
  it(`is in the end the one of the service, with each event once, whatever happens on the wire (seed ${seed})`, () => {
    fc.assert(fc.property(consoleScenarios, live), { numRuns: RUNS, seed, endOnFailure: true });
  });

  const liveWatcher = (filter: ConsoleFilter = {}) => {
    const server = new ScriptedConsole(filter, 100);
    server.append([0, 1, 2, 3]);
    const watcher = new ConsoleHarness(server);
    watcher.settle();
    return { server, watcher };
  };
  const shown = ({ state }: ConsoleHarness, id: string): SessionView | undefined =>
    state.sessions?.find(({ sessionId }) => sessionId === id);

  it('shares with the list before what has not changed, also when it was asked for anew', () => {
    const { server, watcher } = liveWatcher();
    const before = watcher.state.sessions;
    server.append([5]);
    watcher.settle();
    expect(shown(watcher, 's0')).not.toBe(before?.find(({ sessionId }) => sessionId === 's0'));
    expect(shown(watcher, 's1')).toBe(before?.find(({ sessionId }) => sessionId === 's1'));
    watcher.cut();
    server.append(Array.from({ length: 30 }, () => 5));
    watcher.settle();
    expect(watcher.state.resets).toBe(1);
    expect(shown(watcher, 's1')).toBe(before?.find(({ sessionId }) => sessionId === 's1'));
    judge(server, watcher);
  });

  it('shows the old list while it is cut off and until another one takes its place', () => {
    const { server, watcher } = liveWatcher();
    watcher.cut();
    server.restore(4, [7]);
    expect(watcher.state.sessions).toHaveLength(4);
    watcher.connect();
    server.hear();
    server.answer(1, 0);
    watcher.receive();
    expect([watcher.state.resets, watcher.state.sessions?.length]).toEqual([1, 4]);
    watcher.settle();
    expect(watcher.state.sessions?.map(({ sessionId }) => sessionId)).toEqual(['s2']);
  });

  it('clears what is told to be null', () => {
    const { server, watcher } = liveWatcher();
    server.append([20]);
    watcher.settle();
    expect(shown(watcher, 's0')).toMatchObject({ activity: 'error', activityMessage: 'no' });
    server.append([0]);
    watcher.settle();
    expect(shown(watcher, 's0')).toMatchObject({ activity: 'idle', activityMessage: null });
  });

  it('goes on from its cursor after a cut, in one opening, whatever is faster than the answer', () => {
    const { server, watcher } = liveWatcher();
    watcher.cut();
    server.append([1, 2]);
    watcher.connect();
    const { attempt: attempt } = watcher.state;
    expect(server.up[0]?.request).toMatchObject({ after: '00000004', epoch: server.epoch });
    server.hear();
    server.answer(1, 0);
    times(2, () => server.replay());
    for (const at of [0, 1]) server.swap(at);
    expect(server.down.map(({ type }) => type)).toEqual(['frame', 'frame', 'answered']);
    watcher.settle();
    judge(server, watcher);
    expect([watcher.state.attempt, watcher.state.resets]).toEqual([attempt, 0]);
  });

  it('keeps no more frames than it may while an opening is not answered', () => {
    const { server, watcher } = liveWatcher();
    watcher.cut();
    watcher.connect();
    server.hear();
    server.answer(1, 0);
    server.replay();
    times(framesBufferedMax * 3, () => server.append([1]));
    for (let at = 0; at + 1 < server.down.length; at += 1) server.swap(at);
    watcher.settle();
    server.append([1]);
    watcher.settle();
    expect(watcher.faults).toEqual([]);
    judge(server, watcher);
  });

  it('waits longer and longer while frames keep missing, and not after the first time', () => {
    const { server, watcher } = liveWatcher();
    times(2, () => server.append([1]));
    server.lose(0);
    watcher.receive();
    expect([watcher.state.phase.is, watcher.pauses]).toEqual(['opening', []]);
    server.hear();
    server.answer(1, 0);
    watcher.receive();
    times(2, () => server.replay());
    server.lose(0);
    watcher.receive();
    expect([watcher.state.phase.is, watcher.pauses.length]).toEqual(['backing-off', 1]);
    watcher.settle();
    expect(watcher.state.failures).toBe(0);
    judge(server, watcher);
  });

  it('waits longer the more openings are refused in a row', () => {
    const server = new ScriptedConsole({}, 100);
    const watcher = new ConsoleHarness(server);
    watcher.connect();
    times(3, () => {
      server.refuseNext('not-yet');
      server.hear();
      server.answer(1, 0);
      watcher.receive();
      watcher.wake();
    });
    expect(watcher.failures).toEqual([0, 1, 2]);
    watcher.settle();
    judge(server, watcher);
  });

  it('asks no more because a frame came twice', () => {
    const { server, watcher } = liveWatcher();
    const { attempt: attempt } = watcher.state;
    times(2, () => server.append([1]));
    times(2, () => server.repeat(2));
    watcher.settle();
    expect(watcher.state.attempt).toBe(attempt);
    judge(server, watcher);
  });

  it('takes nothing that came before a list for what follows it', () => {
    const { server, watcher } = liveWatcher();
    watcher.cut();
    server.restore(0, []);
    server.append([1]);
    watcher.connect();
    for (const unknown of [true, false]) {
      server.hear();
      server.answer(1, 0);
      const from = '00000005';
      const frame = { from, through: '00000006', patches: [], events: [] };
      if (!unknown) watcher.feed({ type: 'frame', frame });
      watcher.receive();
    }
    expect(watcher.state.cursor?.position).toBe('00000005');
    watcher.settle();
    judge(server, watcher);
  });

  it('says how it stands', () => {
    const server = new ScriptedConsole({}, 100);
    server.append([1, 2, 3]);
    const watcher = new ConsoleHarness(server);
    const told = [statusOf(watcher.state)];
    const next = (step: () => void): void => {
      step();
      told.push(statusOf(watcher.state));
    };
    next(() => watcher.connect());
    server.hear();
    server.answer(5, 1);
    times(2, () => server.replay());
    next(() => watcher.receive());
    next(() => watcher.receive());
    next(() => watcher.receive());
    next(() => (server.slow(1), watcher.receive()));
    next(() => watcher.settle());
    next(() => (server.close('shutting-down'), watcher.receive()));
    next(() => watcher.wake());
    next(() => watcher.cut());
    next(() => watcher.settle());
    next(() => (server.close('forbidden'), watcher.receive()));
    expect(told).toEqual([
      ...['connecting', 'connecting', 'replaying', 'replaying', 'live', 'behind', 'live'],
      ...['connecting', 'replaying', 'connecting', 'live', 'closed'],
    ]);
    expect(watcher.state.phase).toMatchObject({ refusal: { code: 'forbidden' } });
    watcher.feed({ type: 'connected' });
    expect(watcher.state.phase.is).toBe('closed');
  });

  it.each(['invalid', 'unauthenticated', 'forbidden', 'cursor-unknown'] as const)(
    'is over when it is refused with %s',
    (code) => {
      const server = new ScriptedConsole({}, 100);
      const watcher = new ConsoleHarness(server);
      server.refuseNext(code);
      watcher.connect();
      server.hear();
      server.answer(1, 0);
      watcher.receive();
      expect(watcher.state.phase).toMatchObject({ is: 'closed', refusal: { code } });
      expect([server.up, watcher.pauses]).toEqual([[], []]);
    },
  );
});
