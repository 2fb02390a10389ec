import { limits } from '../limits.ts';

/** Something of a client that is open until it is closed. */
interface Open<Snapshot> {
  readonly snapshot: Snapshot;
  readonly subscribe: (listener: () => void) => () => void;
  close(): void;
}

/** What `useSyncExternalStore` takes, and what is open for it. */
export interface SubscriptionStore<Snapshot, Thing extends Open<Snapshot>> {
  readonly subscribe: (listener: () => void) => () => void;
  readonly snapshot: () => Snapshot;
  /** What was opened last; undefined before the first is. */
  readonly opened: () => Thing | undefined;
}

/**
 * Opens something for as long as somebody subscribes, and a little longer: React takes components
 * down and sets them up again at once, in StrictMode and from page to page. Nothing is opened by
 * rendering alone, so a render that comes to nothing leaves nothing open; until it is, `before`
 * says what there is to show.
 */
export function subscriptionStore<Snapshot, Thing extends Open<Snapshot>>(
  open: () => Thing | undefined,
  before: () => Snapshot,
): SubscriptionStore<Snapshot, Thing> {
  let opened: Thing | undefined;
  return {
    opened: () => opened,
    snapshot: () => opened?.snapshot ?? before(),
    subscribe(listener) {
      const own = open();
      if (!own) return () => undefined;
      opened = own;
      const stop = own.subscribe(listener);
      return () => {
        stop();
        setTimeout(() => {
          own.close();
          if (opened === own) opened = undefined;
        }, limits.unmountGraceMs);
      };
    },
  };
}
