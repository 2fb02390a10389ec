import type {
  OpenView,
  Refusal,
  SessionFrame,
  Refused,
  SessionEvent,
  SessionOpen,
  SessionOpened,
} from '@playhead/contract';

/** The last event that somebody has: its revision, -1 before the first, and its id if known. */
export interface Cursor {
  readonly revision: number;
  readonly eventId: string | null;
}

/** An iteration over the session's events, at its own pace. */
export interface Reader {
  readonly id: number;
  /** Undefined until it is known where events begin. */
  readonly cursor: Cursor | undefined;
  /** How many more events fit into its queue. */
  readonly room: number;
  /** An event had no room: nothing is delivered until there is enough room to reopen for. */
  readonly isBehind: boolean;
}

/**
 * What the service sends: the events before the open (`replaying`), new events (`live`), or, after
 * too much waited for this client, the events that it missed (`behind`).
 */
export type Pace = 'replaying' | 'live' | 'behind';

/** The phase of a subscription. */
export type Phase =
  | { readonly is: 'offline' }
  /** An open was sent, from a cursor or, without one, for a view. */
  | {
      readonly is: 'opening';
      readonly requested: Cursor | undefined;
      readonly buffered: readonly SessionFrame[];
    }
  /** Frames arrive for revisions beyond `after`; those up to `through` have arrived. */
  | {
      readonly is: 'open';
      readonly after: number;
      readonly through: number;
      readonly pace: Pace;
    }
  | { readonly is: 'backing-off' }
  /** Closed for good; without a refusal when the user closed it. */
  | { readonly is: 'closed'; readonly refusal: Refusal | undefined };

/** The whole state of a session subscription; never changed in place. */
export interface SessionState {
  readonly sessionId: string;
  readonly limits: SessionStateLimits;
  readonly phase: Phase;
  /** Number of the latest open or backoff: the outcome of earlier ones is ignored. */
  readonly attempt: number;
  /** Opens in a row that failed. */
  readonly failures: number;
  /** Where events begin for a new reader; undefined until there is a view. */
  readonly origin: Cursor | undefined;
  readonly view: OpenView | undefined;
  /** At the view. */
  readonly cursor: Cursor | undefined;
  /** The log behind this connection has confirmed the cursor, and so all before it. */
  readonly isVerified: boolean;
  /** How often the log no longer had the cursor, so that everything started again. */
  readonly resets: number;
  readonly readers: readonly Reader[];
}

/** What is kept at most, as `limits.ts` has it. */
export interface SessionStateLimits {
  readonly framesBufferedMax: number;
  readonly eventsBufferedMax: number;
}

/** The state before the first open; `origin` is where the events begin. */
export const initialState = (
  sessionId: string,
  limits: SessionStateLimits,
  origin?: Cursor,
): SessionState => ({
  sessionId,
  limits,
  phase: { is: 'offline' },
  attempt: 0,
  failures: 0,
  origin,
  view: undefined,
  cursor: undefined,
  isVerified: false,
  resets: 0,
  readers: [],
});

/** What can happen to a session subscription. */
export type SessionInput =
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  /** The acknowledgement of this attempt. */
  | {
      readonly type: 'answered';
      readonly attempt: number;
      readonly answer: SessionOpened | Refused;
    }
  /** This attempt was not acknowledged in time. */
  | { readonly type: 'timed-out'; readonly attempt: number }
  | { readonly type: 'frame'; readonly frame: SessionFrame }
  /** The service reads on from the log, because too much waits for this client. */
  | { readonly type: 'behind' }
  /** The service closed the subscription. */
  | { readonly type: 'closed'; readonly refusal: Refusal }
  /** The backoff of this attempt is over. */
  | { readonly type: 'backoff-over'; readonly attempt: number }
  /** Closed for good: refused, or by its user. */
  | { readonly type: 'end'; readonly refusal?: Refusal }
  /** A new reader wants every event from the origin on. */
  | { readonly type: 'added'; readonly reader: number }
  /** A reader has room for one event more. */
  | { readonly type: 'consumed'; readonly reader: number }
  | { readonly type: 'removed'; readonly reader: number };

/** What the driver must do. */
export type SessionEffect =
  /** Send an open; then comes `answered` or `timed-out` with this `attempt`. */
  | { readonly do: 'open'; readonly attempt: number; readonly request: SessionOpen }
  /** Wait, longer after each failure in a row; then comes `backoff-over` with this `attempt`. */
  | { readonly do: 'back-off'; readonly attempt: number; readonly failures: number }
  | { readonly do: 'deliver'; readonly reader: number; readonly events: readonly SessionEvent[] }
  /** A reader gets no more: refused, or because it is no longer wanted. */
  | { readonly do: 'finish'; readonly reader: number; readonly refusal: Refusal | undefined };

/** The next state, and what to do, in this order. */
export interface SessionTransition {
  readonly state: SessionState;
  readonly effects: readonly SessionEffect[];
}

/** Nothing to do. */
export const unchanged = (state: SessionState): SessionTransition => ({ state, effects: [] });

/** One transition, and another from its state. */
export function andThen(
  first: SessionTransition,
  next: (state: SessionState) => SessionTransition,
): SessionTransition {
  const { state, effects } = next(first.state);
  return { state, effects: [...first.effects, ...effects] };
}

/**
 * The status of a session or console subscription:
 * - `connecting`: not connected, or not yet open; the view may be old.
 * - `replaying`: open; earlier events are still arriving.
 * - `live`: up to date; new events arrive as they happen.
 * - `behind`: too much waited for this client; the service reads what it missed from the log.
 * - `closed`: it will not open again.
 */
export type SubscriptionStatus = 'connecting' | 'replaying' | 'live' | 'behind' | 'closed';

/** The parts of either state that the status depends on. */
interface StatusSource {
  readonly phase:
    | { readonly is: 'offline' | 'opening' | 'backing-off' | 'closed' }
    | { readonly is: 'open'; readonly pace: Pace };
  /** Undefined until the first open. */
  readonly cursor: unknown;
}

/** The status that a state has. */
export function statusOf({ phase, cursor }: StatusSource): SubscriptionStatus {
  switch (phase.is) {
    case 'closed':
      return 'closed';
    case 'offline':
    case 'backing-off':
      return 'connecting';
    case 'opening':
      return cursor ? 'replaying' : 'connecting';
    case 'open':
      return phase.pace;
  }
}

/** The cursor after a whole frame. The filter may have left out an event at its end. */
export function cursorAfter({ through, events }: SessionFrame, cursor: Cursor): Cursor {
  if (through <= cursor.revision) return cursor;
  const last = events.at(-1);
  return { revision: through, eventId: last?.revision === through ? last.id : null };
}

/** Whether a log that ends with the one cursor may have the other. */
export const isWithin = (end: Cursor, { revision, eventId }: Cursor): boolean =>
  revision < end.revision ||
  (revision === end.revision && (eventId === null || eventId === end.eventId));
