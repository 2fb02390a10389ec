import type {
  ConsoleFrame,
  ConsoleOpen,
  ConsoleOpened,
  Refusal,
  Refused,
  SessionEvent,
} from '@playhead/contract';
import type { Watching } from './watching.ts';

/** What happens to a console. */
export type WatchInput =
  | { readonly type: 'connected' }
  | { readonly type: 'cut' }
  /** The answer to the nth opening. */
  | { readonly type: 'answered'; readonly nth: number; readonly answer: ConsoleOpened | Refused }
  /** The nth opening was not answered in time. */
  | { readonly type: 'silence'; readonly nth: number }
  | { readonly type: 'frame'; readonly frame: ConsoleFrame }
  /** The service reads on from the log, because too much waits for this client. */
  | { readonly type: 'behind' }
  /** The service ended the delivery. */
  | { readonly type: 'closed'; readonly refusal: Refusal }
  /** The nth pause is over. */
  | { readonly type: 'paused'; readonly nth: number }
  /** It is over for good: refused, or no longer wanted. */
  | { readonly type: 'end'; readonly refusal?: Refusal };

/** What is to be done then. */
export type WatchEffect =
  /** Ask the service; what comes of it is `answered` or `silence`, with this `nth`. */
  | { readonly do: 'open'; readonly nth: number; readonly request: ConsoleOpen }
  /** Wait, the longer the more has failed in a row; then it is `paused`, with this `nth`. */
  | { readonly do: 'pause'; readonly nth: number; readonly failed: number }
  | { readonly do: 'give'; readonly events: readonly SessionEvent[] };

/** What has become of the console, and what is to be done, in this order. */
export interface WatchStep {
  readonly state: Watching;
  readonly effects: readonly WatchEffect[];
}

/** Nothing is to be done. */
export const unmoved = (state: Watching): WatchStep => ({ state, effects: [] });
