import type { Refusal, SessionOpen } from '@playhead/contract';
import type { Cursor, Following, Reader } from './following.ts';
import { still, type Effect, type Step } from './step.ts';

/** Where those stand who can take events: the service is to go on from the least. */
export function wanted({ cursor, isKnown, readers }: Following): Cursor | undefined {
  // First of all a view: only the service has one. And the latest cursor comes before those of
  // readers: a log that was restored to a point between them would not be noticed by an older one.
  if (!cursor || !isKnown) return cursor;
  return readers
    .filter(({ isBehind }) => !isBehind)
    .reduce(
      (least, reader) =>
        reader.cursor && reader.cursor.revision < least.revision ? reader.cursor : least,
      cursor,
    );
}

/** Asks for everything that is wanted; earlier openings count no more. */
export function open(state: Following): Step {
  const asked = wanted(state);
  const nth = state.nth + 1;
  return {
    state: { ...state, nth, phase: { is: 'opening', asked, held: [] } },
    effects: [{ do: 'open', nth, request: requestOf(state.sessionId, asked) }],
  };
}

const requestOf = (sessionId: string, asked: Cursor | undefined): SessionOpen => ({
  sessionId,
  ...(asked && { after: asked.revision }),
  ...(asked && asked.eventId !== null && { afterId: asked.eventId }),
});

/** Opens again later. */
export function pause(state: Following): Step {
  const { failed } = state;
  const nth = state.nth + 1;
  return {
    state: { ...state, nth, failed: failed + 1, phase: { is: 'pausing' } },
    effects: [{ do: 'pause', nth, failed }],
  };
}

/** The first time at once; who is refused or gets holes again and again, waits. */
export const openAgain = (state: Following): Step =>
  state.failed > 0 ? pause(state) : open({ ...state, failed: 1 });

/**
 * The log has no such cursor: it was restored from an older copy, or is another. What was held of
 * the session is no longer true, and readers are told so, as they could not see the break.
 */
export function forget(state: Following, refusal: Refusal): Step {
  const unknown = { origin: undefined, view: undefined, cursor: undefined };
  return {
    state: { ...state, ...unknown, resets: state.resets + 1, readers: [] },
    effects: finished(state.readers, refusal),
  };
}

/** It is over for good. */
export function end(state: Following, refusal?: Refusal): Step {
  if (state.phase.is === 'closed') return still(state);
  return {
    state: { ...state, phase: { is: 'closed', refusal }, readers: [] },
    effects: finished(state.readers, refusal),
  };
}

const finished = (readers: readonly Reader[], refusal: Refusal | undefined): Effect[] =>
  readers.map(({ id }) => ({ do: 'finish', reader: id, refusal }));
