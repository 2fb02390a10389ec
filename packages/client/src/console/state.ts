import type {
  ConsoleFilter,
  ConsoleFrame,
  Refusal,
  SessionView,
  ConsoleOpen,
  ConsoleOpened,
  Refused,
  SessionEvent,
} from '@playhead/contract';
import type { Pace } from '../session/state.ts';

/** What a console subscribes to. */
export interface ConsoleRequest {
  readonly filter: ConsoleFilter;
  /** The sessions' events too. */
  readonly events: boolean;
}

/** The position in a log that the list has reached. */
export interface ConsoleCursor {
  readonly position: string;
  readonly epoch: string;
}

/** The phase of a console subscription. */
export type ConsolePhase =
  | { readonly is: 'offline' }
  /** An open was sent, from the cursor or, without one, for the list. */
  | { readonly is: 'opening'; readonly buffered: readonly ConsoleFrame[] }
  | { readonly is: 'open'; readonly pace: Pace }
  | { readonly is: 'backing-off' }
  /** Closed for good; without a refusal when the user closed it. */
  | { readonly is: 'closed'; readonly refusal: Refusal | undefined };

/** The whole state of a console subscription; never changed in place. */
export interface ConsoleState {
  readonly request: ConsoleRequest;
  /** At most so many frames are buffered while an open is not acknowledged. */
  readonly framesBufferedMax: number;
  readonly phase: ConsolePhase;
  /** Number of the latest open or backoff: the outcome of earlier ones is ignored. */
  readonly attempt: number;
  /** Opens in a row that failed. */
  readonly failures: number;
  /** Undefined until there is a list, and while a new list is asked for. */
  readonly cursor: ConsoleCursor | undefined;
  /** In the order of `compareSessions`; undefined until there is a list. */
  readonly sessions: readonly SessionView[] | undefined;
  /** There are more sessions than the list holds; each enters when something happens in it. */
  readonly more: boolean;
  /** How often the service could not resume from the cursor, so that the list was read again. */
  readonly resets: number;
}

/** The state before the first open. */
export const initialState = (request: ConsoleRequest, framesBufferedMax: number): ConsoleState => ({
  request,
  framesBufferedMax,
  phase: { is: 'offline' },
  attempt: 0,
  failures: 0,
  cursor: undefined,
  sessions: undefined,
  more: false,
  resets: 0,
});

/** What can happen to a console subscription. */
export type ConsoleInput =
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  /** The acknowledgement of this attempt. */
  | {
      readonly type: 'answered';
      readonly attempt: number;
      readonly answer: ConsoleOpened | Refused;
    }
  /** This attempt was not acknowledged in time. */
  | { readonly type: 'timed-out'; readonly attempt: number }
  | { readonly type: 'frame'; readonly frame: ConsoleFrame }
  /** The service reads on from the log, because too much waits for this client. */
  | { readonly type: 'behind' }
  /** The service closed the subscription. */
  | { readonly type: 'closed'; readonly refusal: Refusal }
  /** The backoff of this attempt is over. */
  | { readonly type: 'backoff-over'; readonly attempt: number }
  /** Closed for good: refused, or by its user. */
  | { readonly type: 'end'; readonly refusal?: Refusal };

/** What the driver must do. */
export type ConsoleEffect =
  /** Send an open; then comes `answered` or `timed-out` with this `attempt`. */
  | { readonly do: 'open'; readonly attempt: number; readonly request: ConsoleOpen }
  /** Wait, longer after each failure in a row; then comes `backoff-over` with this `attempt`. */
  | { readonly do: 'back-off'; readonly attempt: number; readonly failures: number }
  | { readonly do: 'deliver'; readonly events: readonly SessionEvent[] };

/** The next state, and what to do, in this order. */
export interface ConsoleTransition {
  readonly state: ConsoleState;
  readonly effects: readonly ConsoleEffect[];
}

/** Nothing to do. */
export const unchanged = (state: ConsoleState): ConsoleTransition => ({ state, effects: [] });
