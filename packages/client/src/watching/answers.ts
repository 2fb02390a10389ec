import type { ConsoleOpened, Refusal, Refused, SessionView } from '@playhead/contract';
import { ask, askLater } from './asking.ts';
import { take } from './frames.ts';
import { unmoved, type WatchStep } from './step.ts';
import type { Watching } from './watching.ts';

/** The latest opening was answered. */
export function answered(state: Watching, answer: ConsoleOpened | Refused): WatchStep {
  const { phase, cursor } = state;
  if (phase.is !== 'opening') return unmoved(state);
  if (!answer.ok) {
    const isUnknown = answer.code === 'cursor-unknown' && cursor !== undefined;
    // The old list stays to be looked at until there is a new one.
    return isUnknown
      ? ask({ ...state, cursor: undefined, resets: state.resets + 1 })
      : refused(state, answer);
  }
  const opened: Watching = {
    ...(cursor ? state : begun(state, answer)),
    phase: { is: 'open', pace: 'replaying' },
  };
  // Those that do not follow are of a delivery that this one took the place of: they come again.
  return phase.held.reduce<WatchStep>((step, frame) => {
    const next = take(step.state, frame);
    return { state: next.state, effects: [...step.effects, ...next.effects] };
  }, unmoved(opened));
}

/** An opening was refused, or what was open has been ended. */
export function refused(state: Watching, refusal: Refusal): WatchStep {
  if (refusal.retry) return askLater(state);
  return unmoved({ ...state, phase: { is: 'closed', refusal } });
}

function begun(state: Watching, answer: ConsoleOpened): Watching {
  const { position, epoch, sessions = [], more = false } = answer;
  const held = new Map(state.sessions?.map((session) => [session.sessionId, session]));
  const shared = sessions.map((session) => sameOf(held.get(session.sessionId), session));
  return { ...state, cursor: { position, epoch }, sessions: shared, more };
}

/** What is held already when it is the same: who looks at it need not look again. */
const sameOf = (held: SessionView | undefined, session: SessionView): SessionView =>
  held && JSON.stringify(held) === JSON.stringify(session) ? held : session;
