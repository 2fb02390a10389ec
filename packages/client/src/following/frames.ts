import { evolveOpenView, type SessionFrame } from '@playhead/contract';
import type { Cursor, Following, Reader } from './following.ts';
import { openAgain, open, wanted } from './opening.ts';
import { andThen, still, type Effect, type Step } from './step.ts';

/** A frame has come: it waits for the answer, is taken, or shows that something is missing. */
export function receive(state: Following, frame: SessionFrame): Step {
  const { phase } = state;
  if (phase.is === 'opening') {
    // What finds no room here comes again: until it answers, the service sends only what belongs to
    // the delivery before, and then all beyond the cursor.
    const hasRoom = phase.held.length < state.limits.framesHeldMax;
    return still(hasRoom ? { ...state, phase: { ...phase, held: [...phase.held, frame] } } : state);
  }
  if (phase.is !== 'open') return still(state);
  if (frame.from > phase.through + 1) return openAgain(state);
  return andThen(take(state, frame), settle);
}

/**
 * Takes of a frame what is new to each; nothing when it does not follow what came before. To a
 * reader who wants what lies before the delivery it is a hole, and `settle` opens for that one.
 */
export function take(state: Following, frame: SessionFrame): Step {
  const { phase, cursor } = state;
  if (phase.is !== 'open' || !cursor || frame.from > phase.through + 1) return still(state);
  const fresh = frame.events.filter(({ revision }) => revision > cursor.revision);
  const taken = state.readers.map((reader) => takenBy(reader, frame, phase.after));
  return {
    state: {
      ...state,
      ...(frame.caughtUp && { failed: 0 }),
      view: fresh.reduce(evolveOpenView, state.view),
      cursor: behind(frame, cursor),
      readers: taken.map(({ reader }) => reader),
      phase: {
        ...phase,
        through: Math.max(phase.through, frame.through),
        pace: frame.caughtUp ? 'live' : phase.pace,
      },
    },
    effects: taken.flatMap(({ effects }) => effects),
  };
}

/** Opens anew when the delivery is beyond what somebody wants, or far before it. */
export function settle(state: Following): Step {
  const { phase, limits } = state;
  const next = wanted(state)?.revision;
  if (phase.is !== 'open' || next === undefined) return still(state);
  const isMissed = next < phase.through;
  // A reader that ran full in an old part is the only one who wanted it.
  const isUseless = next > phase.through + limits.eventsBufferedMax;
  return isMissed || isUseless ? open(state) : still(state);
}

/** The cursor of who has taken a whole frame. An event may have been left out at its end. */
function behind({ through, events }: SessionFrame, cursor: Cursor): Cursor {
  if (through <= cursor.revision) return cursor;
  const last = events.at(-1);
  return { revision: through, eventId: last?.revision === through ? last.id : null };
}

function takenBy(
  reader: Reader,
  frame: SessionFrame,
  after: number,
): { readonly reader: Reader; readonly effects: readonly Effect[] } {
  const { cursor, room } = reader;
  // What lies before the delivery is not for it to bring: the cursor there has not been checked.
  const isNext = cursor && cursor.revision >= after && frame.from <= cursor.revision + 1;
  if (!isNext || reader.isBehind) return { reader, effects: [] };
  const fresh = frame.events.filter(({ revision }) => revision > cursor.revision);
  const events = fresh.slice(0, room);
  const last = events.at(-1);
  const isBehind = events.length < fresh.length;
  const part = last ? { revision: last.revision, eventId: last.id } : cursor;
  return {
    reader: {
      ...reader,
      room: room - events.length,
      cursor: isBehind ? part : behind(frame, cursor),
      isBehind,
    },
    effects: events.length > 0 ? [{ do: 'give', reader: reader.id, events }] : [],
  };
}
