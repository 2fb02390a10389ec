import type { Following } from './following.ts';

/**
 * How a session stands:
 * - `connecting`: cut off, or not yet open; what is shown may be old.
 * - `replaying`: open; what has happened meanwhile is coming.
 * - `live`: everything is there, and what happens comes as it happens.
 * - `behind`: too much waits for this client; what it misses is coming, from the log.
 * - `closed`: for good.
 */
export type FollowingStatus = 'connecting' | 'replaying' | 'live' | 'behind' | 'closed';

/** How the session stands. */
export function statusOf({ phase, cursor }: Following): FollowingStatus {
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
