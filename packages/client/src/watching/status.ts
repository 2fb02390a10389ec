import type { FollowingStatus } from '../following/status.ts';
import type { Watching } from './watching.ts';

/** How the list of sessions stands, in the same words as a session. */
export function watchStatusOf({ phase, cursor }: Watching): FollowingStatus {
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
