import { evolveConsole, type ConsoleFrame } from '@playhead/contract';
import { askAgain } from './asking.ts';
import { unmoved, type WatchStep } from './step.ts';
import type { Watching } from './watching.ts';

/** A frame has come: it waits for the answer, is taken, or shows that something is missing. */
export function receive(state: Watching, frame: ConsoleFrame): WatchStep {
  const { phase, cursor } = state;
  if (phase.is === 'opening') {
    // Before a list there is nothing that a frame could go on from: it may be of the delivery
    // before, which does not tell what only the new list lacks.
    const isKept = cursor && phase.held.length < state.framesHeldMax;
    return unmoved(
      isKept ? { ...state, phase: { ...phase, held: [...phase.held, frame] } } : state,
    );
  }
  if (phase.is !== 'open' || !cursor) return unmoved(state);
  return frame.from > cursor.position ? askAgain(state) : take(state, frame);
}

/**
 * Takes a frame if it goes on from the cursor. One that begins before it tells changes against
 * another list; if it had more to tell than is there, the mark that ends a delivery shows a hole.
 */
export function take(state: Watching, frame: ConsoleFrame): WatchStep {
  const { phase, cursor, sessions = [] } = state;
  const isNext = frame.from === cursor?.position && frame.through >= frame.from;
  if (phase.is !== 'open' || !isNext) return unmoved(state);
  const list = evolveConsole({ ...cursor, sessions }, frame);
  const { events = [] } = frame;
  return {
    state: {
      ...state,
      ...(frame.caughtUp && { failed: 0 }),
      cursor: { position: list.position, epoch: list.epoch },
      sessions: list.sessions,
      phase: { is: 'open', pace: frame.caughtUp ? 'live' : phase.pace },
    },
    effects: events.length > 0 ? [{ do: 'give', events }] : [],
  };
}
