import { answered, refused } from './answers.ts';
import type { Following, Reader } from './following.ts';
import { receive, settle } from './frames.ts';
import { end, open } from './opening.ts';
import { still, type Input, type Step } from './step.ts';

/**
 * Follows one session through everything that can happen to it: the view is always what the log
 * folds to at the cursor, and every reader gets each event from the origin on exactly once.
 */
export function follow(state: Following, input: Input): Step {
  const { phase } = state;
  if (phase.is === 'closed')
    return input.type === 'read' ? refuseReader(state, input) : still(state);
  switch (input.type) {
    case 'connected':
      return open(state);
    case 'cut':
      return still({ ...state, isKnown: false, phase: { is: 'offline' } });
    case 'answered':
      return input.nth === state.nth ? answered(state, input.answer) : still(state);
    case 'silence':
      return input.nth === state.nth && phase.is === 'opening' ? open(state) : still(state);
    case 'frame':
      return receive(state, input.frame);
    case 'behind':
      return still(phase.is === 'open' ? { ...state, phase: { ...phase, pace: 'behind' } } : state);
    case 'closed':
      // What is being opened takes the place of what was ended, and is answered by itself.
      return phase.is === 'open' || !input.refusal.retry
        ? refused(state, input.refusal)
        : still(state);
    case 'paused':
      return input.nth === state.nth && phase.is === 'pausing' ? open(state) : still(state);
    case 'end':
      return end(state, input.refusal);
    case 'read':
      return settle({ ...state, readers: [...state.readers, newReader(state, input.reader)] });
    case 'taken':
      return settle({ ...state, readers: withRoom(state, input.reader) });
    case 'left':
      return settle({ ...state, readers: state.readers.filter(({ id }) => id !== input.reader) });
  }
}

const newReader = ({ origin, limits }: Following, id: number): Reader => ({
  id,
  cursor: origin,
  room: limits.eventsBufferedMax,
  isBehind: false,
});

/** Who is behind waits until there is room for so many that an opening is worth it. */
const withRoom = ({ readers, limits }: Following, id: number): Reader[] =>
  readers.map((reader) => {
    if (reader.id !== id) return reader;
    const room = reader.room + 1;
    return { ...reader, room, isBehind: reader.isBehind && room * 2 < limits.eventsBufferedMax };
  });

const refuseReader = (state: Following, { reader }: { readonly reader: number }): Step => ({
  state,
  effects: [
    {
      do: 'finish',
      reader,
      refusal: state.phase.is === 'closed' ? state.phase.refusal : undefined,
    },
  ],
});
