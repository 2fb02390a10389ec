import type { EventLog, FollowedBatch, RecordedEvent } from './event-log.ts';

type Listener = (batch: FollowedBatch) => void;

/**
 * The node's one follower. It reads and decodes each event once for everybody in the process:
 * listeners get batches as they come, and the newest events are kept for those who are just behind.
 */
export interface Tail {
  /** Everything up to here has been handed to the listeners. */
  readonly through: string;
  /** Whether the log held nothing beyond `through` when it was last read. */
  readonly caughtUp: boolean;
  /** When the log last answered, in milliseconds since the epoch. */
  readonly lastReadAt: number;
  /** The events after a position, `undefined` when some of them are no longer kept. */
  after(position: string): readonly RecordedEvent[] | undefined;
  /** Calls the listener with each batch from now on, in log order; the result ends that. */
  listen(listener: Listener): () => void;
  stop(): Promise<void>;
}

/** Starts following at the log's head. `bytesMax` bounds the events kept. */
export async function openTail(log: EventLog, options: { bytesMax: number }): Promise<Tail> {
  const start = await log.head();
  const listeners = new Set<Listener>();
  let kept: RecordedEvent[] = [];
  let keptBytes = 0;
  let keptAfter = start;
  let through = start;
  let caughtUp = true;
  let lastReadAt = Date.now();

  const keep = (batch: FollowedBatch): void => {
    for (const event of batch.events) {
      kept.push(event);
      keptBytes += event.bytes;
    }
    if (keptBytes <= options.bytesMax) return;
    // Half at once, so that dropping costs nothing per event.
    let drop = 0;
    while (keptBytes > options.bytesMax / 2) keptBytes -= kept[drop++]?.bytes ?? 0;
    keptAfter = kept[drop - 1]?.position ?? keptAfter;
    kept = kept.slice(drop);
  };

  const follower = log.follow(start, (batch) => {
    keep(batch);
    through = batch.through;
    caughtUp = batch.caughtUp;
    lastReadAt = Date.now();
    for (const listener of listeners) listener(batch);
  });

  return {
    get through() {
      return through;
    },
    get caughtUp() {
      return caughtUp;
    },
    get lastReadAt() {
      return lastReadAt;
    },
    after: (position) =>
      position < keptAfter ? undefined : kept.slice(firstAfter(kept, position)),
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => follower.stop(),
  };
}

/** Index of the first event beyond a position; events are in order, so it is found by halving. */
function firstAfter(events: readonly RecordedEvent[], position: string): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.position ?? '') > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
