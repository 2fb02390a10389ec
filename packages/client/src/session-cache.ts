import { type SessionView, answeredSession } from '@playhead/contract';
import type { ConsoleSnapshot } from './console/console-subscription.ts';

/** What is read of a query of TanStack Query. */
interface CachedQuery {
  readonly queryKey: readonly unknown[];
  readonly state: {
    readonly data: unknown;
    readonly dataUpdatedAt: number;
    readonly isInvalidated: boolean;
  };
}

/** What is needed of TanStack Query's `QueryClient`, version 5. */
export interface QueryClientPart {
  getQueryCache(): {
    getAll(): readonly CachedQuery[];
    subscribe(listener: (event: { type: string; query: CachedQuery }) => void): () => void;
  };
  setQueryData(
    queryKey: readonly unknown[],
    data: unknown,
    options: { readonly updatedAt: number },
  ): unknown;
}

/** Keeps a query cache up to date. */
export interface SessionCache {
  /**
   * Patches the cache from now on whenever the list changes. Use a list without a filter: sessions
   * that have left a list are no longer updated. Returns a function that stops it and leaves the
   * list open.
   */
  follow(list: {
    readonly snapshot: ConsoleSnapshot;
    readonly subscribe: (listener: () => void) => () => void;
  }): () => void;
}

/**
 * Keeps the sessions in a query client's cache up to date without a request: those in queries whose
 * key begins with one of `roots`, in the shapes in which the service answers `GET /api/sessions`,
 * also its pages as `useInfiniteQuery` has them, and `GET /api/sessions/:id`. A field that was not
 * asked for stays absent, one that was cleared becomes null; with `revision` among the fields what
 * is older than the cache is left out. Sessions that are not in an answer are not put into it.
 */
export function sessionCache(
  queryClient: QueryClientPart,
  { roots = ['sessions'] }: { readonly roots?: readonly unknown[] } = {},
): SessionCache {
  const queries = queryClient.getQueryCache();
  const patch = (query: CachedQuery, viewOf: ViewOf): void => {
    const { data, dataUpdatedAt: updatedAt, isInvalidated } = query.state;
    // Setting data would mark it as valid. Invalidated data is patched once it is fetched again.
    if (isInvalidated || !roots.includes(query.queryKey[0])) return;
    const now = patched(data, viewOf);
    if (now !== data) queryClient.setQueryData(query.queryKey, now, { updatedAt });
  };
  return {
    follow(list) {
      let views = new Map<string, SessionView>();
      const take = (): void => {
        const { sessions = [] } = list.snapshot;
        const changed = new Map(
          sessions
            .filter((session) => views.get(session.sessionId) !== session)
            .map((session) => [session.sessionId, session]),
        );
        views = new Map(sessions.map((session) => [session.sessionId, session]));
        if (changed.size === 0) return;
        for (const query of queries.getAll()) patch(query, (id) => changed.get(id));
      };
      take();
      // A response that was on its way may be older than the list is now.
      const stops = [
        list.subscribe(take),
        queries.subscribe(({ type, query }) => {
          if (type === 'added' || type === 'updated') patch(query, (id) => views.get(id));
        }),
      ];
      return () => stops.forEach((stop) => stop());
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** The view of a session as it is now; undefined for one that is not known. */
export type ViewOf = (sessionId: string) => SessionView | undefined;

/**
 * Cached data with its sessions as they are now: a session, a list of them, an object with
 * `sessions`, or with `pages` of such, however deep. Nothing is changed in place; what stays as it
 * was is the same object, and data without anything to change is.
 */
export function patched(data: unknown, viewOf: ViewOf): unknown {
  if (Array.isArray(data)) {
    const items: readonly unknown[] = data;
    const now = items.map((item) => patched(item, viewOf));
    return now.some((item, index) => item !== items[index]) ? now : data;
  }
  if (typeof data !== 'object' || data === null) return data;
  const held = data as Fields;
  const view = isSession(held) ? viewOf(held.sessionId) : undefined;
  const inside = ['sessions', 'pages'].filter((name) => Array.isArray(held[name]));
  return withChanges(held, {
    ...(view && newer(held, view)),
    ...Object.fromEntries(inside.map((name) => [name, patched(held[name], viewOf)])),
  });
}

/** Messages, participants and tool calls name their session, too. */
const isSession = (held: Fields): held is Fields & { readonly sessionId: string } =>
  typeof held.sessionId === 'string' &&
  !['messageId', 'participantId', 'callId'].some((name) => Object.hasOwn(held, name));

/** The fields that are there and have changed; none when they are as new as the view. */
function newer(held: Fields, view: SessionView): Fields {
  if (typeof held.revision === 'number' && held.revision >= view.revision) return {};
  const changed = Object.entries(answeredSession(view)).filter(
    ([name, value]) =>
      Object.hasOwn(held, name) && JSON.stringify(value) !== JSON.stringify(held[name]),
  );
  return Object.fromEntries(changed);
}

const withChanges = (held: Fields, next: Fields): Fields =>
  Object.entries(next).some(([name, value]) => value !== held[name]) ? { ...held, ...next } : held;
