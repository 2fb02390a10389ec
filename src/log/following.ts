import type { FollowedBatch, Follower, RecordedEvent } from './event-log.ts';
import { backoff } from './backoff.ts';

/** Where a follower reads. */
export interface FollowSource {
  /** The next events, and whether there was nothing beyond them. May fail: it is asked again. */
  read(after: string): Promise<{ events: readonly RecordedEvent[]; caughtUp: boolean }>;
  /** Resolves when there may be events beyond a position, or on the signal. Does not fail. */
  news(after: string, signal: AbortSignal): Promise<void>;
  /** Ends a read that is under way. */
  stop(): Promise<void>;
}

/** How a follower bears with failures, and who is notified of them. */
export interface FollowOptions {
  /** Longest pause before a failed read or a failed handler is tried again. */
  readonly retryPauseMaxMs: number;
  readonly warn: (message: string, fault: unknown) => void;
}

/** One read loop: a slow handler slows only itself. */
export function startFollowing(
  source: FollowSource,
  after: string,
  handle: (batch: FollowedBatch) => void | Promise<void>,
  options: FollowOptions,
): Follower {
  const stopping = new AbortController();
  const { signal } = stopping;

  /** Does it until it succeeds; undefined when the follower stops before. */
  const persist = async <T>(what: string, work: () => T | Promise<T>): Promise<T | undefined> => {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        return await work();
      } catch (fault) {
        if (signal.aborted) break;
        options.warn(`follower: ${what} failed and is tried again`, fault);
        await backoff(attempt, options.retryPauseMaxMs, signal);
      }
    }
    return undefined;
  };

  const run = async (): Promise<void> => {
    let through = after;
    let reported = false;
    while (!signal.aborted) {
      const page = await persist('reading', () => source.read(through));
      if (!page) return;
      const { events, caughtUp } = page;
      through = events.at(-1)?.position ?? through;
      if (events.length > 0 || caughtUp !== reported) {
        await persist('its handler', () => handle({ events, through, caughtUp }));
        reported = caughtUp;
      }
      if (caughtUp) await source.news(through, signal);
    }
  };

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await source.stop();
      await running;
    },
  };
}
