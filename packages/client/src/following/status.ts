import type { Following } from './following.ts';

/**
 * How a session stands:
 * - `connecting`: cut off, or not yet open; what is shown may be old.
 * - `replaying`: open; what has happened meanwhile is coming.
 * - `live`: everything is there, and what happens comes as it happens.
 * - `behind`: this client was too slow, and reads what it has missed from the log.
 * - `closed`: for good.
 */
export type FollowingStatus = 'connecting' | 'replaying' | 'live' | 'behind' | 'closed';

/** How the session stands. */
export function statusOf({ phase, isBehind, cursor }: Following): FollowingStatus {
  switch (phase.is) {
    case 'closed':
      return 'closed';
    case 'offline':
      return 'connecting';
    case 'pausing':
      return isBehind ? 'behind' : 'connecting';
    case 'opening':
      if (isBehind) return 'behind';
      return cursor ? 'replaying' : 'connecting';
    case 'open':
      if (isBehind) return 'behind';
      return phase.isCaughtUp ? 'live' : 'replaying';
  }
}
