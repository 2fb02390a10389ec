import type { ConsoleFilter } from '@playhead/contract';
import { useMemo, useSyncExternalStore } from 'react';
import type { ConsoleSnapshot } from '../console/console-subscription.ts';
import { useClient } from './context.ts';
import { subscriptionStore } from './subscription-store.ts';

const unopened: ConsoleSnapshot = {
  sessions: undefined,
  more: false,
  status: 'connecting',
  refusal: undefined,
  resets: 0,
};

/** Shows the list of sessions, all or those that the filter lets in, live. */
export function useSessions(filter: ConsoleFilter = {}): ConsoleSnapshot {
  const client = useClient();
  // Filters are mostly written in place: another object with the same in it is the same list.
  const wanted = JSON.stringify(filter);
  const store = useMemo(() => {
    const same = JSON.parse(wanted) as ConsoleFilter;
    return subscriptionStore(
      () => client?.openConsole(same),
      () => client?.consoleSnapshot(same) ?? unopened,
    );
  }, [client, wanted]);
  return useSyncExternalStore(store.subscribe, store.snapshot, () => unopened);
}
