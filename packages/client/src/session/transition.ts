import {
  type SessionState,
  type Reader,
  unchanged,
  type SessionInput,
  type SessionTransition,
  type Cursor,
  andThen,
  cursorAfter,
  isWithin,
  type SessionEffect,
} from './state.ts';
import {
  refuse,
  type Refusal,
  type Refused,
  type SessionOpened,
  evolveOpenView,
  type SessionFrame,
  type SessionOpen,
} from '@playhead/contract';

/**
 * The state machine of a session subscription. The view is always what the log folds to at the
 * cursor, and every reader gets each event from the origin on exactly once.
 */
export function transition(state: SessionState, input: SessionInput): SessionTransition {
  const { phase } = state;
  if (phase.is === 'closed')
    return input.type === 'added' ? refuseReader(state, input) : unchanged(state);
  switch (input.type) {
    case 'connected':
      return open(state);
    case 'disconnected':
      return unchanged({ ...state, isVerified: false, phase: { is: 'offline' } });
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
      return end(state, input.refusal);
    case 'added':
      return settle({ ...state, readers: [...state.readers, newReader(state, input.reader)] });
    case 'consumed':
      return settle({ ...state, readers: withRoom(state, input.reader) });
    case 'removed':
      return settle({ ...state, readers: state.readers.filter(({ id }) => id !== input.reader) });
  }
}

const newReader = ({ origin, limits }: SessionState, id: number): Reader => ({
  id,
  cursor: origin,
  room: limits.eventsBufferedMax,
  isBehind: false,
});

/** A reader that is behind waits until it has room for enough events to reopen for. */
const withRoom = ({ readers, limits }: SessionState, id: number): Reader[] =>
  readers.map((reader) => {
    if (reader.id !== id) return reader;
    const room = reader.room + 1;
    return { ...reader, room, isBehind: reader.isBehind && room * 2 < limits.eventsBufferedMax };
  });

const refuseReader = (
  state: SessionState,
  { reader }: { readonly reader: number },
): SessionTransition => ({
  state,
  effects: [
    {
      do: 'finish',
      reader,
      refusal: state.phase.is === 'closed' ? state.phase.refusal : undefined,
    },
  ],
});

/** The latest open was acknowledged. */
function answered(state: SessionState, answer: SessionOpened | Refused): SessionTransition {
  const { phase } = state;
  if (phase.is !== 'opening') return unchanged(state);
  if (!answer.ok) {
    const isUnknown = answer.code === 'cursor-unknown' && phase.requested !== undefined;
    return isUnknown ? andThen(reset(state, answer), open) : refused(state, answer);
  }
  const opened = phase.requested
    ? unchanged(resumed(state, phase.requested, answer))
    : begun(state, answer);
  // Frames that do not follow belong to the subscription that this one replaces: they come again.
  const taken = phase.buffered.reduce(
    (result, frame) => andThen(result, (next) => applyFrame(next, frame)),
    opened,
  );
  return andThen(taken, settle);
}

/** An open was refused, or the service closed the subscription. */
function refused(state: SessionState, refusal: Refusal): SessionTransition {
  return refusal.retry ? backOff(state) : end(state, refusal);
}

function begun(state: SessionState, { revision, eventId, view }: SessionOpened): SessionTransition {
  const cursor = { revision, eventId };
  // The service is asked for an origin only when it lies before the view.
  const isForeign = state.origin !== undefined && !isWithin(cursor, state.origin);
  const known = isForeign ? reset(state, refuse('cursor-unknown')) : unchanged(state);
  return andThen(known, (next) => {
    const origin = next.origin ?? cursor;
    const readers = next.readers.map((one) => ({ ...one, cursor: one.cursor ?? origin }));
    const phase = openAfter(revision);
    return unchanged({ ...next, origin, view, cursor, isVerified: true, readers, phase });
  });
}

function resumed(state: SessionState, requested: Cursor, { eventId }: SessionOpened): SessionState {
  const identified = (cursor: Cursor | undefined): Cursor | undefined =>
    cursor?.revision === requested.revision ? { ...cursor, eventId } : cursor;
  return {
    ...state,
    cursor: identified(state.cursor),
    isVerified: true,
    readers: state.readers.map((one) => ({ ...one, cursor: identified(one.cursor) })),
    phase: openAfter(requested.revision),
  };
}

const openAfter = (revision: number) =>
  ({ is: 'open', after: revision, through: revision, pace: 'replaying' }) as const;

/** A frame arrived: it is buffered, applied, or shows a gap. */
function receive(state: SessionState, frame: SessionFrame): SessionTransition {
  const { phase } = state;
  if (phase.is === 'opening') {
    // A frame without room comes again: before the acknowledgement the service sends only frames of
    // the previous subscription, and then everything beyond the cursor.
    const hasRoom = phase.buffered.length < state.limits.framesBufferedMax;
    return unchanged(
      hasRoom ? { ...state, phase: { ...phase, buffered: [...phase.buffered, frame] } } : state,
    );
  }
  if (phase.is !== 'open') return unchanged(state);
  if (frame.from > phase.through + 1) return reopen(state);
  return andThen(applyFrame(state, frame), settle);
}

/**
 * Applies what is new in a frame to the view and to each reader; nothing when the frame leaves a
 * gap. A reader that wants events from before this subscription is served by `settle`, which
 * reopens for it.
 */
function applyFrame(state: SessionState, frame: SessionFrame): SessionTransition {
  const { phase, cursor } = state;
  if (phase.is !== 'open' || !cursor || frame.from > phase.through + 1) return unchanged(state);
  const fresh = frame.events.filter(({ revision }) => revision > cursor.revision);
  const taken = state.readers.map((reader) => deliverTo(reader, frame, phase.after));
  return {
    state: {
      ...state,
      ...(frame.caughtUp && { failures: 0 }),
      view: fresh.reduce(evolveOpenView, state.view),
      cursor: cursorAfter(frame, cursor),
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

/** Reopens when the subscription is past what somebody wants, or far before it. */
function settle(state: SessionState): SessionTransition {
  const { phase, limits } = state;
  const next = resumeCursor(state)?.revision;
  if (phase.is !== 'open' || next === undefined) return unchanged(state);
  const isPast = next < phase.through;
  // A reader whose queue became full in an old part was the only one that wanted it.
  const isFarBefore = next > phase.through + limits.eventsBufferedMax;
  return isPast || isFarBefore ? open(state) : unchanged(state);
}

function deliverTo(
  reader: Reader,
  frame: SessionFrame,
  after: number,
): { readonly reader: Reader; readonly effects: readonly SessionEffect[] } {
  const { cursor, room } = reader;
  // The log has not verified a cursor before the start of this subscription.
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
      cursor: isBehind ? part : cursorAfter(frame, cursor),
      isBehind,
    },
    effects: events.length > 0 ? [{ do: 'deliver', reader: reader.id, events }] : [],
  };
}

/** The cursor to resume from: the least of the view's and of the readers' that have room. */
function resumeCursor({ cursor, isVerified, readers }: SessionState): Cursor | undefined {
  // Without a view only the service has one. And after a reconnect the latest cursor comes first:
  // an older one would not notice a log that was restored to a point between them.
  if (!cursor || !isVerified) return cursor;
  return readers
    .filter(({ isBehind }) => !isBehind)
    .reduce(
      (least, reader) =>
        reader.cursor && reader.cursor.revision < least.revision ? reader.cursor : least,
      cursor,
    );
}

/** Sends an open; answers to earlier ones are ignored. */
function open(state: SessionState): SessionTransition {
  const requested = resumeCursor(state);
  const attempt = state.attempt + 1;
  return {
    state: { ...state, attempt, phase: { is: 'opening', requested, buffered: [] } },
    effects: [{ do: 'open', attempt, request: requestOf(state.sessionId, requested) }],
  };
}

const requestOf = (sessionId: string, requested: Cursor | undefined): SessionOpen => ({
  sessionId,
  ...(requested && { after: requested.revision }),
  ...(requested && requested.eventId !== null && { afterId: requested.eventId }),
});

/** Opens again after a backoff. */
function backOff(state: SessionState): SessionTransition {
  const { failures } = state;
  const attempt = state.attempt + 1;
  return {
    state: { ...state, attempt, failures: failures + 1, phase: { is: 'backing-off' } },
    effects: [{ do: 'back-off', attempt, failures }],
  };
}

/** The first time at once; after repeated refusals or gaps with a backoff. */
const reopen = (state: SessionState): SessionTransition =>
  state.failures > 0 ? backOff(state) : open({ ...state, failures: 1 });

/**
 * The log does not have the cursor: it was restored from an older copy, or is another log. The view
 * is dropped and readers are ended with an error, since they cannot see the break.
 */
function reset(state: SessionState, refusal: Refusal): SessionTransition {
  const unknown = { origin: undefined, view: undefined, cursor: undefined };
  return {
    state: { ...state, ...unknown, resets: state.resets + 1, readers: [] },
    effects: finished(state.readers, refusal),
  };
}

/** Closes it for good. */
function end(state: SessionState, refusal?: Refusal): SessionTransition {
  if (state.phase.is === 'closed') return unchanged(state);
  return {
    state: { ...state, phase: { is: 'closed', refusal }, readers: [] },
    effects: finished(state.readers, refusal),
  };
}

const finished = (readers: readonly Reader[], refusal: Refusal | undefined): SessionEffect[] =>
  readers.map(({ id }) => ({ do: 'finish', reader: id, refusal }));
