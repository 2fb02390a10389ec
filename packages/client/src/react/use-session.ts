import {
  refuse,
  type CommandAnswer,
  type CommandInput,
  type CommandType,
} from '@playhead/contract';
import { useCallback, useMemo, useSyncExternalStore } from 'react';
import type { SessionSnapshot } from '../session/session-subscription.ts';
import { RefusedError } from '../refused-error.ts';
import type { Session } from '../session/session.ts';
import { useClient } from './context.ts';
import { subscriptionStore, type SubscriptionStore } from './subscription-store.ts';

const unopened: SessionSnapshot = {
  view: undefined,
  revision: -1,
  status: 'connecting',
  refusal: undefined,
  resets: 0,
  typists: [],
};

/** A session as a component shows it. */
export interface UsedSession extends SessionSnapshot {
  /** As `Session.command`; the same function as long as the session is. */
  readonly command: <Type extends CommandType>(
    type: Type,
    data: CommandInput<Type>,
  ) => Promise<CommandAnswer>;
}

/** The session in a store; components that show the same one share what is open. */
export function useSessionStore(id: string): SubscriptionStore<SessionSnapshot, Session> {
  const client = useClient();
  return useMemo(
    () =>
      subscriptionStore(
        () => client?.openSession(id),
        () => client?.sessionSnapshot(id) ?? unopened,
      ),
    [client, id],
  );
}

/** Shows a session: what it is now, and what it becomes. It is open while it is shown. */
export function useSession(id: string): UsedSession {
  const client = useClient();
  const store = useSessionStore(id);
  const snapshot = useSyncExternalStore(store.subscribe, store.snapshot, () => unopened);
  const command = useCallback<UsedSession['command']>(
    (type, data) =>
      client?.command(type, data, id) ??
      Promise.reject(new RefusedError(refuse('unavailable', 'there is no client yet'))),
    [client, id],
  );
  return useMemo(() => ({ ...snapshot, command }), [snapshot, command]);
}
