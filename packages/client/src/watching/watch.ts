import { answered, refused } from './answers.ts';
import { ask } from './asking.ts';
import { receive } from './frames.ts';
import { unmoved, type WatchInput, type WatchStep } from './step.ts';
import type { Watching } from './watching.ts';

/**
 * Keeps the list of sessions through everything that can happen: it is always what the service's
 * list was at the cursor or, for sessions that have just been told whole, later.
 */
export function watch(state: Watching, input: WatchInput): WatchStep {
  const { phase } = state;
  if (phase.is === 'closed') return unmoved(state);
  switch (input.type) {
    case 'connected':
      return ask(state);
    case 'cut':
      return unmoved({ ...state, phase: { is: 'offline' } });
    case 'answered':
      return input.nth === state.nth ? answered(state, input.answer) : unmoved(state);
    case 'silence':
      return input.nth === state.nth && phase.is === 'opening' ? ask(state) : unmoved(state);
    case 'frame':
      return receive(state, input.frame);
    case 'behind':
      return unmoved(
        phase.is === 'open' ? { ...state, phase: { ...phase, pace: 'behind' } } : state,
      );
    case 'closed':
      // What is being opened takes the place of what was ended, and is answered by itself.
      return phase.is === 'open' || !input.refusal.retry
        ? refused(state, input.refusal)
        : unmoved(state);
    case 'paused':
      return input.nth === state.nth && phase.is === 'pausing' ? ask(state) : unmoved(state);
    case 'end':
      return unmoved({ ...state, phase: { is: 'closed', refusal: input.refusal } });
  }
}
