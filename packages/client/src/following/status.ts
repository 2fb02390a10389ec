import type { Pace } from './following.ts';

/**
 * How a session stands, and the list of sessions alike:
 * - `connecting`: cut off, or not yet open; what is shown may be old.
 * - `replaying`: open; what has happened meanwhile is coming.
 * - `live`: everything is there, and what happens comes as it happens.
 * - `behind`: too much waits for this client; what it misses is coming, from the log.
 * - `closed`: for good.
 */
export type FollowingStatus = 'connecting' | 'replaying' | 'live' | 'behind' | 'closed';

/** What of a session, or of the list of sessions, says how it stands. */
interface Standing {
  readonly phase:
    | { readonly is: 'offline' | 'opening' | 'pausing' | 'closed' }
    | { readonly is: 'open'; readonly pace: Pace };
  /** Undefined while nothing is there. */
  readonly cursor: unknown;
}

/** How it stands. */
export function statusOf({ phase, cursor }: Standing): FollowingStatus {
  switch (phase.is) {
    case 'closed':
      return 'closed';
    case 'offline':
    case 'pausing':
      return 'connecting';
    case 'opening':
      return cursor ? 'replaying' : 'connecting';
    case 'open':
      return phase.pace;
  }
}
