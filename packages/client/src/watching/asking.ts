import type { ConsoleOpen } from '@playhead/contract';
import type { Watching } from './watching.ts';
import type { WatchStep } from './step.ts';

/** Asks from the cursor on, or for a whole list; earlier openings count no more. */
export function ask(state: Watching): WatchStep {
  const nth = state.nth + 1;
  return {
    state: { ...state, nth, phase: { is: 'opening', held: [] } },
    effects: [{ do: 'open', nth, request: requestOf(state) }],
  };
}

const requestOf = ({ wanted, cursor }: Watching): ConsoleOpen => ({
  ...(cursor && { after: cursor.position, epoch: cursor.epoch }),
  filter: wanted.filter,
  events: wanted.events,
});

/** Asks again later. */
export function askLater(state: Watching): WatchStep {
  const { failed } = state;
  const nth = state.nth + 1;
  return {
    state: { ...state, nth, failed: failed + 1, phase: { is: 'pausing' } },
    effects: [{ do: 'pause', nth, failed }],
  };
}

/** The first time at once; who gets holes again and again, waits. */
export const askAgain = (state: Watching): WatchStep =>
  state.failed > 0 ? askLater(state) : ask({ ...state, failed: 1 });
