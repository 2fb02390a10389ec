import type { ErrorCode } from '@playhead/contract';
import fc from 'fast-check';
import type { ScriptedServer } from './scripted-server.ts';
import type { SessionHarness } from './session-harness.ts';

/** One thing that happens to a session, to the wire or to a reader. */
export type Act =
  | { readonly act: 'append' | 'repeat' | 'answer' | 'receive' | 'replay'; readonly count: number }
  | { readonly act: 'lose' | 'swap' | 'take' | 'leave'; readonly at: number }
  | { readonly act: 'connect' | 'disconnected' | 'accept' | 'wake' | 'read' | 'slow' }
  /** Of the latest opening or, late, of one before it. */
  | { readonly act: 'timed-out'; readonly late: number }
  | { readonly act: 'refuse' | 'close'; readonly code: ErrorCode }
  | { readonly act: 'restore'; readonly lost: number; readonly appended: number };

const small = fc.nat(7);
const count = fc.integer({ min: 1, max: 8 });
const passing = fc.constantFrom<ErrorCode>('unavailable', 'rate-limited', 'shutting-down');
const ended = fc.constantFrom<ErrorCode>('unavailable', 'shutting-down', 'internal');
const act = <Name extends Act['act'], Rest extends object>(
  name: Name,
  rest: { readonly [Key in keyof Rest]: fc.Arbitrary<Rest[Key]> },
): fc.Arbitrary<{ readonly act: Name } & Rest> =>
  fc.record(rest).map((values) => ({ act: name, ...(values as Rest) }));

const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: act('append', { count }) },
  { weight: 12, arbitrary: act('receive', { count }) },
  { weight: 6, arbitrary: act('accept', {}) },
  { weight: 6, arbitrary: act('answer', { count }) },
  { weight: 6, arbitrary: act('replay', { count }) },
  { weight: 5, arbitrary: act('connect', {}) },
  { weight: 2, arbitrary: act('disconnected', {}) },
  { weight: 3, arbitrary: act('wake', {}) },
  { weight: 5, arbitrary: act('take', { at: small }) },
  { weight: 2, arbitrary: act('read', {}) },
  { weight: 1, arbitrary: act('leave', { at: small }) },
  { weight: 2, arbitrary: act('lose', { at: small }) },
  { weight: 4, arbitrary: act('swap', { at: small }) },
  { weight: 2, arbitrary: act('repeat', { count }) },
  { weight: 2, arbitrary: act('timed-out', { late: fc.nat(2) }) },
  { weight: 2, arbitrary: act('refuse', { code: passing }) },
  { weight: 2, arbitrary: act('close', { code: ended }) },
  { weight: 2, arbitrary: act('slow', {}) },
  { weight: 1, arbitrary: act('restore', { lost: small, appended: fc.nat(9) }) },
);

/** What befalls a session that is live, on a connection that stays. */
const mishaps: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: act('append', { count }) },
  { weight: 2, arbitrary: act('receive', { count }) },
  { weight: 2, arbitrary: act('lose', { at: small }) },
  { weight: 2, arbitrary: act('swap', { at: small }) },
  { weight: 1, arbitrary: act('repeat', { count }) },
  { weight: 1, arbitrary: act('close', { code: ended }) },
  { weight: 1, arbitrary: act('slow', {}) },
);

/** What there is at first, what happens, and what then happens to a live session. */
export const sessionScenarios = fc.record({
  before: fc.integer({ min: 1, max: 30 }),
  origin: fc.constantFrom('view', 'start', 'middle', 'unchecked', 'beyond', 'foreign'),
  answersAreLate: fc.boolean(),
  acts: fc.array(acts, { minLength: 10, maxLength: 120, size: 'max' }),
  ending: fc.array(mishaps, { maxLength: 12, size: 'max' }),
});
export type SessionScenario = typeof sessionScenarios extends fc.Arbitrary<infer T> ? T : never;

/** Lets one thing happen. */
export function perform(server: ScriptedServer, harness: SessionHarness, one: Act): void {
  switch (one.act) {
    case 'append':
      return server.append(one.count);
    case 'receive':
      for (let attempt = 0; attempt < one.count; attempt += 1) harness.receive();
      return;
    case 'replay':
      for (let attempt = 0; attempt < one.count; attempt += 1) server.replay();
      return;
    case 'repeat':
      return server.repeat(one.count);
    case 'answer':
      return server.answer(one.count);
    case 'accept':
      return server.accept();
    case 'lose':
      return server.lose(one.at);
    case 'swap':
      return server.swap(one.at);
    case 'connect':
      return harness.connect();
    case 'disconnected':
      return harness.cut();
    case 'wake':
      return harness.wake();
    case 'read':
      return harness.read();
    case 'take':
      return harness.take(one.at);
    case 'leave':
      return harness.leave(one.at);
    case 'timed-out':
      return harness.feed({ type: 'timed-out', attempt: harness.state.attempt - one.late });
    case 'refuse':
      return server.refuseNext(one.code);
    case 'slow':
      return server.fallBehind();
    case 'close':
      return server.close(one.code);
    case 'restore':
      harness.cut();
      return server.restore(server.log.length - one.lost, one.appended);
  }
}
