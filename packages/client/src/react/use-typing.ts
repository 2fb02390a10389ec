import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react';
import { useSessionStore } from './use-session.ts';

/** Who types in a session. */
export interface UsedTyping {
  /** Others who type now, as events name their actors, in order. */
  readonly typists: readonly string[];
  /** Tells other viewers that this user types (call it at each key), or with false: no longer. */
  readonly setTyping: (isTyping: boolean) => void;
}

const nobody: readonly string[] = [];

/** Who else types in a session, and a function that tells them that this user types. */
export function useTyping(id: string): UsedTyping {
  const store = useSessionStore(id);
  const typists = useSyncExternalStore(
    store.subscribe,
    () => store.snapshot().typists,
    () => nobody,
  );
  const setTyping = useCallback((isTyping: boolean) => store.opened()?.typing(isTyping), [store]);
  useEffect(() => () => setTyping(false), [setTyping]);
  return useMemo(() => ({ typists, setTyping }), [typists, setTyping]);
}
