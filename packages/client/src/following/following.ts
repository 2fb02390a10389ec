import type { OpenView, Refusal, SessionFrame } from '@playhead/contract';

/** The last event that somebody has: its revision, -1 before the first, and its id if known. */
export interface Cursor {
  readonly revision: number;
  readonly eventId: string | null;
}

/** Somebody who takes every event of the session in turn, at a pace of their own. */
export interface Reader {
  readonly id: number;
  /** Undefined until it is known where events begin. */
  readonly cursor: Cursor | undefined;
  /** How many events it can take now. */
  readonly room: number;
  /** It had no room for an event; it gets none until there is room enough to open again for. */
  readonly isBehind: boolean;
}

/**
 * What an open session is sent: what had happened before, what happens, or, because too much waits
 * for this client, what has happened meanwhile.
 */
export type Pace = 'replaying' | 'live' | 'behind';

/** Where it stands with the service. */
export type Phase =
  | { readonly is: 'offline' }
  /** The service was asked, from a cursor or, without one, for a view. */
  | {
      readonly is: 'opening';
      readonly asked: Cursor | undefined;
      readonly held: readonly SessionFrame[];
    }
  /** Frames come: those beyond revision `after`, all up to `through` are there. */
  | {
      readonly is: 'open';
      readonly after: number;
      readonly through: number;
      readonly pace: Pace;
    }
  | { readonly is: 'pausing' }
  /** For good. Without a refusal: because it was wanted. */
  | { readonly is: 'closed'; readonly refusal: Refusal | undefined };

/** One session as it is followed: all there is to know of it, never changed in place. */
export interface Following {
  readonly sessionId: string;
  readonly limits: FollowingLimits;
  readonly phase: Phase;
  /** Of the latest opening or pause: what comes of earlier ones counts no more. */
  readonly nth: number;
  /** Openings in a row that came to nothing. */
  readonly failed: number;
  /** Where events begin for a new reader; undefined until there is a view. */
  readonly origin: Cursor | undefined;
  readonly view: OpenView | undefined;
  /** Of the view. */
  readonly cursor: Cursor | undefined;
  /** The log that this connection leads to has the cursor, and so all those before it. */
  readonly isKnown: boolean;
  /** How often the log did not have the cursor any more, so that all began anew. */
  readonly resets: number;
  readonly readers: readonly Reader[];
}

/** What is kept at most, as `limits.ts` has it. */
export interface FollowingLimits {
  readonly framesHeldMax: number;
  readonly eventsBufferedMax: number;
}

/** A session that nothing is known of yet; `origin` is where its events are to begin. */
export const unopened = (
  sessionId: string,
  limits: FollowingLimits,
  origin?: Cursor,
): Following => ({
  sessionId,
  limits,
  phase: { is: 'offline' },
  nth: 0,
  failed: 0,
  origin,
  view: undefined,
  cursor: undefined,
  isKnown: false,
  resets: 0,
  readers: [],
});
