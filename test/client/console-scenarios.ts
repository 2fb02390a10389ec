import type { ConsoleFilter, ErrorCode } from '@playhead/contract';
import fc from 'fast-check';
import type { ScriptedConsole } from './scripted-console.ts';
import type { ConsoleHarness } from './console-harness.ts';

/** One thing that happens to sessions, to the wire or to the list. */
export type Act = (server: ScriptedConsole, harness: ConsoleHarness) => void;

const kinds = fc.array(fc.nat(59), { minLength: 1, maxLength: 6 });
const small = fc.nat(6);
const count = fc.integer({ min: 1, max: 5 });
const passing = fc.constantFrom<ErrorCode>('unavailable', 'not-yet', 'shutting-down');
/** Does it so often. */
export const times = (count: number, act: () => void): void => {
  for (let attempt = 0; attempt < count; attempt += 1) act();
};

const happening: readonly (readonly [number, fc.Arbitrary<Act>])[] = [
  [8, kinds.map((some) => (server) => server.append(some))],
  [12, count.map((n) => (_, harness) => times(n, () => harness.receive()))],
  [3, small.map((at) => (server) => server.lose(at))],
  [4, small.map((at) => (server) => server.swap(at))],
  [3, count.map((n) => (server) => server.repeat(n))],
  [2, count.map((n) => (server) => server.slow(n))],
  [2, passing.map((code) => (server) => server.close(code))],
  [5, count.map((n) => (server) => times(n, () => server.replay()))],
];
const opening: typeof happening = [
  [6, fc.constant<Act>((_, harness) => harness.connect())],
  [2, fc.constant<Act>((_, harness) => harness.cut())],
  [6, fc.constant<Act>((server) => server.accept())],
  [
    6,
    fc.tuple(count, fc.nat(3)).map(
      ([page, lag]) =>
        (server) =>
          server.answer(page, lag),
    ),
  ],
  [3, fc.constant<Act>((_, harness) => harness.wake())],
  [
    2,
    fc
      .nat(2)
      .map(
        (late) => (_, one) => one.feed({ type: 'timed-out', attempt: one.state.attempt - late }),
      ),
  ],
  [2, passing.map((code) => (server) => server.refuseNext(code))],
  [
    1,
    fc.tuple(small, kinds).map(([lost, some]): Act => (server, harness) => {
      harness.cut();
      server.restore(lost, some);
    }),
  ],
];
const weighted = (all: typeof happening): fc.Arbitrary<Act> =>
  fc.oneof(...all.map(([weight, arbitrary]) => ({ weight, arbitrary })));

/** What there is at first, what happens, and what then happens to a live list. */
export const consoleScenarios = fc.record({
  filter: fc.constantFrom<ConsoleFilter>({}, { state: 'working' }, { search: '1' }),
  listMax: fc.constantFrom(2, 100),
  before: fc.array(fc.nat(59), { maxLength: 15 }),
  acts: fc.array(weighted([...happening, ...opening]), {
    ...{ minLength: 10, maxLength: 120, size: 'max' },
  }),
  ending: fc.array(weighted(happening), { maxLength: 12, size: 'max' }),
});
export type ConsoleScenario = typeof consoleScenarios extends fc.Arbitrary<infer T> ? T : never;
