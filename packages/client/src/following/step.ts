import type {
  Refusal,
  Refused,
  SessionEvent,
  SessionFrame,
  SessionOpen,
  SessionOpened,
} from '@playhead/contract';
import type { Following } from './following.ts';

/** What happens to a session that is followed. */
export type Input =
  | { readonly type: 'connected' }
  | { readonly type: 'cut' }
  /** The answer to the nth opening. */
  | {
      readonly type: 'answered';
      readonly nth: number;
      readonly answer: SessionOpened | Refused;
    }
  /** The nth opening was not answered in time. */
  | { readonly type: 'silence'; readonly nth: number }
  | { readonly type: 'frame'; readonly frame: SessionFrame }
  /** The service reads on from the log, because too much waits for this client. */
  | { readonly type: 'behind' }
  /** The service ended the delivery. */
  | { readonly type: 'closed'; readonly refusal: Refusal }
  /** The nth pause is over. */
  | { readonly type: 'paused'; readonly nth: number }
  /** It is over for good: refused, or no longer wanted. */
  | { readonly type: 'end'; readonly refusal?: Refusal }
  /** A new reader wants every event from the origin on. */
  | { readonly type: 'read'; readonly reader: number }
  /** A reader has room for one event more. */
  | { readonly type: 'taken'; readonly reader: number }
  | { readonly type: 'left'; readonly reader: number };

/** What is to be done then. */
export type Effect =
  /** Ask the service; what comes of it is `answered` or `silence`, with this `nth`. */
  | { readonly do: 'open'; readonly nth: number; readonly request: SessionOpen }
  /** Wait, the longer the more has failed in a row; then it is `paused`, with this `nth`. */
  | { readonly do: 'pause'; readonly nth: number; readonly failed: number }
  | { readonly do: 'give'; readonly reader: number; readonly events: readonly SessionEvent[] }
  /** A reader gets no more: refused, or because it is no longer wanted. */
  | { readonly do: 'finish'; readonly reader: number; readonly refusal: Refusal | undefined };

/** What has become of the session, and what is to be done, in this order. */
export interface Step {
  readonly state: Following;
  readonly effects: readonly Effect[];
}

/** Nothing is to be done. */
export const still = (state: Following): Step => ({ state, effects: [] });

/** One step, and another from where it leads. */
export function andThen(first: Step, next: (state: Following) => Step): Step {
  const { state, effects } = next(first.state);
  return { state, effects: [...first.effects, ...effects] };
}
