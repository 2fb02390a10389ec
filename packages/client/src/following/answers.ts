import { refuse, type Refusal, type Refused, type SessionOpened } from '@playhead/contract';
import type { Cursor, Following } from './following.ts';
import { settle, take } from './frames.ts';
import { end, forget, open, pause } from './opening.ts';
import { andThen, still, type Step } from './step.ts';

/** The latest opening was answered. */
export function answered(state: Following, answer: SessionOpened | Refused): Step {
  const { phase } = state;
  if (phase.is !== 'opening') return still(state);
  if (!answer.ok) {
    const isUnknown = answer.code === 'cursor-unknown' && phase.asked !== undefined;
    return isUnknown ? andThen(forget(state, answer), open) : refused(state, answer);
  }
  const opened = phase.asked ? still(resumed(state, phase.asked, answer)) : begun(state, answer);
  // Those that do not follow are of a delivery that this one took the place of: they come again.
  const taken = phase.held.reduce(
    (step, frame) => andThen(step, (next) => take(next, frame)),
    opened,
  );
  return andThen(taken, settle);
}

/** An opening was refused, or what was open has been ended. */
export function refused(state: Following, refusal: Refusal): Step {
  return refusal.retry ? pause(state) : end(state, refusal);
}

function begun(state: Following, { revision, eventId, view }: SessionOpened): Step {
  const cursor = { revision, eventId };
  // The service is asked for an origin only when it lies before the view.
  const isForeign = state.origin !== undefined && !isWithin(cursor, state.origin);
  const known = isForeign ? forget(state, refuse('cursor-unknown')) : still(state);
  return andThen(known, (next) => {
    const origin = next.origin ?? cursor;
    const readers = next.readers.map((one) => ({ ...one, cursor: one.cursor ?? origin }));
    const phase = openAfter(revision);
    return still({ ...next, origin, view, cursor, isKnown: true, readers, phase });
  });
}

/** Whether a log that ends with the one cursor may have the other. */
const isWithin = (end: Cursor, { revision, eventId }: Cursor): boolean =>
  revision < end.revision ||
  (revision === end.revision && (eventId === null || eventId === end.eventId));

function resumed(state: Following, asked: Cursor, { eventId }: SessionOpened): Following {
  const identified = (cursor: Cursor | undefined): Cursor | undefined =>
    cursor?.revision === asked.revision ? { ...cursor, eventId } : cursor;
  return {
    ...state,
    cursor: identified(state.cursor),
    isKnown: true,
    readers: state.readers.map((one) => ({ ...one, cursor: identified(one.cursor) })),
    phase: openAfter(asked.revision),
  };
}

const openAfter = (revision: number) =>
  ({ is: 'open', after: revision, through: revision, pace: 'replaying' }) as const;
