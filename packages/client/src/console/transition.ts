import {
  unchanged,
  type ConsoleInput,
  type ConsoleTransition,
  type ConsoleState,
} from './state.ts';
import {
  type ConsoleOpened,
  type Refusal,
  type Refused,
  type SessionView,
  evolveConsole,
  type ConsoleFrame,
  type ConsoleOpen,
} from '@playhead/contract';

/**
 * The state machine of a console subscription. The list is always what the service's list was at
 * the cursor or, for sessions that were just sent whole, later.
 */
export function transition(state: ConsoleState, input: ConsoleInput): ConsoleTransition {
  const { phase } = state;
  if (phase.is === 'closed') return unchanged(state);
  switch (input.type) {
    case 'connected':
      return open(state);
    case 'disconnected':
      return unchanged({ ...state, phase: { is: 'offline' } });
    case 'answered':
      return input.attempt === state.attempt ? answered(state, input.answer) : unchanged(state);
    case 'timed-out':
      return input.attempt === state.attempt && phase.is === 'opening'
        ? open(state)
        : unchanged(state);
    case 'frame':
      return receive(state, input.frame);
    case 'behind':
      return unchanged(
        phase.is === 'open' ? { ...state, phase: { ...phase, pace: 'behind' } } : state,
      );
    case 'closed':
      // While opening, the new subscription replaces the one that was closed.
      return phase.is === 'open' || !input.refusal.retry
        ? refused(state, input.refusal)
        : unchanged(state);
    case 'backoff-over':
      return input.attempt === state.attempt && phase.is === 'backing-off'
        ? open(state)
        : unchanged(state);
    case 'end':
      return unchanged({ ...state, phase: { is: 'closed', refusal: input.refusal } });
  }
}

/** The latest open was acknowledged. */
function answered(state: ConsoleState, answer: ConsoleOpened | Refused): ConsoleTransition {
  const { phase, cursor } = state;
  if (phase.is !== 'opening') return unchanged(state);
  if (!answer.ok) {
    const isUnknown = answer.code === 'cursor-unknown' && cursor !== undefined;
    // The old list stays visible until there is a new one.
    return isUnknown
      ? open({ ...state, cursor: undefined, resets: state.resets + 1 })
      : refused(state, answer);
  }
  const opened: ConsoleState = {
    ...(cursor ? state : begun(state, answer)),
    phase: { is: 'open', pace: 'replaying' },
  };
  // Frames that do not follow belong to the subscription that this one replaces: they come again.
  return phase.buffered.reduce<ConsoleTransition>((result, frame) => {
    const next = applyFrame(result.state, frame);
    return { state: next.state, effects: [...result.effects, ...next.effects] };
  }, unchanged(opened));
}

/** An open was refused, or the service closed the subscription. */
function refused(state: ConsoleState, refusal: Refusal): ConsoleTransition {
  if (refusal.retry) return backOff(state);
  return unchanged({ ...state, phase: { is: 'closed', refusal } });
}

function begun(state: ConsoleState, answer: ConsoleOpened): ConsoleState {
  const { position, epoch, sessions = [], more = false } = answer;
  const held = new Map(state.sessions?.map((session) => [session.sessionId, session]));
  const shared = sessions.map((session) => sameOf(held.get(session.sessionId), session));
  return { ...state, cursor: { position, epoch }, sessions: shared, more };
}

/** The old object when nothing in it has changed, so that it is not rendered again. */
const sameOf = (held: SessionView | undefined, session: SessionView): SessionView =>
  held && JSON.stringify(held) === JSON.stringify(session) ? held : session;

/** A frame arrived: it is buffered, applied, or shows a gap. */
function receive(state: ConsoleState, frame: ConsoleFrame): ConsoleTransition {
  const { phase, cursor } = state;
  if (phase.is === 'opening') {
    // Without a list no frame can be applied: it may belong to the previous subscription.
    const isKept = cursor && phase.buffered.length < state.framesBufferedMax;
    return unchanged(
      isKept ? { ...state, phase: { ...phase, buffered: [...phase.buffered, frame] } } : state,
    );
  }
  if (phase.is !== 'open' || !cursor) return unchanged(state);
  return frame.from > cursor.position ? reopen(state) : applyFrame(state, frame);
}

/**
 * Applies a frame that begins at the cursor. One that begins before it holds changes to another
 * list; if it held more than is here, the mark that ends a replay shows the gap.
 */
function applyFrame(state: ConsoleState, frame: ConsoleFrame): ConsoleTransition {
  const { phase, cursor, sessions = [] } = state;
  const isNext = frame.from === cursor?.position && frame.through >= frame.from;
  if (phase.is !== 'open' || !isNext) return unchanged(state);
  const list = evolveConsole({ ...cursor, sessions }, frame);
  const { events = [] } = frame;
  return {
    state: {
      ...state,
      ...(frame.caughtUp && { failures: 0 }),
      cursor: { position: list.position, epoch: list.epoch },
      sessions: list.sessions,
      phase: { is: 'open', pace: frame.caughtUp ? 'live' : phase.pace },
    },
    effects: events.length > 0 ? [{ do: 'deliver', events }] : [],
  };
}

/** Sends an open from the cursor, or for a whole list; answers to earlier ones are ignored. */
function open(state: ConsoleState): ConsoleTransition {
  const attempt = state.attempt + 1;
  return {
    state: { ...state, attempt, phase: { is: 'opening', buffered: [] } },
    effects: [{ do: 'open', attempt, request: requestOf(state) }],
  };
}

const requestOf = ({ request, cursor }: ConsoleState): ConsoleOpen => ({
  ...(cursor && { after: cursor.position, epoch: cursor.epoch }),
  filter: request.filter,
  events: request.events,
});

/** Opens again after a backoff. */
function backOff(state: ConsoleState): ConsoleTransition {
  const { failures } = state;
  const attempt = state.attempt + 1;
  return {
    state: { ...state, attempt, failures: failures + 1, phase: { is: 'backing-off' } },
    effects: [{ do: 'back-off', attempt, failures }],
  };
}

/** The first time at once; after repeated gaps with a backoff. */
const reopen = (state: ConsoleState): ConsoleTransition =>
  state.failures > 0 ? backOff(state) : open({ ...state, failures: 1 });
