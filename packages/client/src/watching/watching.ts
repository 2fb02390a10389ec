import type { ConsoleFilter, ConsoleFrame, Refusal, SessionView } from '@playhead/contract';
import type { Pace } from '../following/following.ts';

/** What a console asks for, for as long as it is open. */
export interface Wanted {
  readonly filter: ConsoleFilter;
  /** The sessions' events too. */
  readonly events: boolean;
}

/** Where the list is: through which position of which log. */
export interface ListCursor {
  readonly position: string;
  readonly epoch: string;
}

/** Where a console stands with the service. */
export type WatchPhase =
  | { readonly is: 'offline' }
  /** The service was asked, from the cursor or, without one, for the list. */
  | { readonly is: 'opening'; readonly held: readonly ConsoleFrame[] }
  | { readonly is: 'open'; readonly pace: Pace }
  | { readonly is: 'pausing' }
  /** For good. Without a refusal: because it was wanted. */
  | { readonly is: 'closed'; readonly refusal: Refusal | undefined };

/** The list of sessions as it is watched: all there is to know of it, never changed in place. */
export interface Watching {
  readonly wanted: Wanted;
  /** At most so many frames are kept while an opening is not answered. */
  readonly framesHeldMax: number;
  readonly phase: WatchPhase;
  /** Of the latest opening or pause: what comes of earlier ones counts no more. */
  readonly nth: number;
  /** Openings in a row that came to nothing. */
  readonly failed: number;
  /** Of the list; undefined until there is one, and while another has to take its place. */
  readonly cursor: ListCursor | undefined;
  /** In the order of `compareSessions`; undefined until there is a list. */
  readonly sessions: readonly SessionView[] | undefined;
  /** There are more than the list began with; each enters when something happens in it. */
  readonly more: boolean;
  /** How often the service could not go on from the cursor, so that the list was asked for anew. */
  readonly resets: number;
}

/** A console that nothing is known of yet. */
export const unwatched = (wanted: Wanted, framesHeldMax: number): Watching => ({
  wanted,
  framesHeldMax,
  phase: { is: 'offline' },
  nth: 0,
  failed: 0,
  cursor: undefined,
  sessions: undefined,
  more: false,
  resets: 0,
});
