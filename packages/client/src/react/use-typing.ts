import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react';
import { useSessionStore } from './use-session.ts';

/** Who types in a session. */
export interface UsedTyping {
  /** Others who type now, as events name their actors, in order. */
  readonly typists: readonly string[];
  /** Tells the others that one types here, at each key if one likes, or with false: no more. */
  readonly tell: (isTyping: boolean) => void;
}

const nobody: readonly string[] = [];

/** Shows who else types in a session, and tells them of this page. */
export function useTyping(id: string): UsedTyping {
  const store = useSessionStore(id);
  const typists = useSyncExternalStore(
    store.subscribe,
    () => store.snapshot().typists,
    () => nobody,
  );
  const tell = useCallback((isTyping: boolean) => store.opened()?.typing(isTyping), [store]);
  useEffect(() => () => tell(false), [tell]);
  return useMemo(() => ({ typists, tell }), [typists, tell]);
}
