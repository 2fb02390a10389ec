import { setImmediate as turn } from 'node:timers/promises';
import type { RecordedEvent } from '../event-log.ts';
import type { FollowSource } from '../following.ts';
import type { LogHead } from './log-head.ts';
import type { EventStoreLogOptions } from './options.ts';
import { positionOf } from './mapping.ts';
import { readId, type ReaderParts } from './reader.ts';
import { Revisions, Subscription, tooSlow } from './subscription.ts';

interface Parts {
  readonly reader: ReaderParts;
  readonly head: LogHead;
  /** Writes something that subscriptions must receive. */
  readonly beat: () => void;
}

/**
 * A follower's subscription to the whole log. When it fails, ends or falls silent there is a new
 * one from where it was; an event that comes twice is left out, one that is missing is a failure.
 */
export class EventStoreFollowSource implements FollowSource {
  readonly #revisions = new Revisions();
  readonly #watch: NodeJS.Timeout;
  #subscription: Subscription | undefined;
  #receivedThrough: string;
  /** Of those that were handed over. */
  #last: RecordedEvent | undefined;
  #isStopped = false;

  constructor(
    private readonly parts: Parts,
    private readonly options: EventStoreLogOptions,
  ) {
    this.#receivedThrough = positionOf(parts.reader.origin);
    this.#watch = setInterval(() => this.#listen(), options.heartbeatIntervalMs / 2).unref();
  }

  async read(after: string) {
    for (;;) {
      const subscription = (this.#subscription ??= await this.#open(after));
      const why = subscription.ended;
      if (why && subscription.isEmpty) {
        this.#subscription = undefined;
        if (why !== tooSlow) throw why;
        continue;
      }
      const page = subscription.take();
      if (page) {
        this.#last = page.events.at(-1) ?? this.#last;
        if (this.#last) this.parts.head.reach(this.#last.position);
        return page;
      }
      await subscription.change();
    }
  }

  async news(): Promise<void> {
    const subscription = this.#subscription;
    const isQuiet = () => subscription?.isEmpty && subscription.isLive && !subscription.ended;
    while (isQuiet()) await subscription?.change();
    // Events of one append come one by one; those that are here already travel together.
    await turn();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#watch);
    this.#subscription?.end(new Error('the follower is stopped'));
  }

  async #open(after: string): Promise<Subscription> {
    const { current, names } = this.parts.reader;
    await this.#recognise();
    const inUse = await current.use();
    if (this.#isStopped) throw new Error('the follower is stopped');
    // All that the last subscription brought was handed over, or there would be no new one.
    const from = after > this.#receivedThrough ? after : this.#receivedThrough;
    const { readEventsMax: limit, readBytesMax: bytesMax } = this.options;
    return new Subscription(inUse, from, {
      names,
      revisions: this.#revisions,
      bounds: { limit, bytesMax },
      onReceivedThrough: (position) => {
        this.#receivedThrough = position;
      },
    });
  }

  /** A log that was restored from an older copy holds other events at the same positions. */
  async #recognise(): Promise<void> {
    if (!this.#last) return;
    const { id, position } = this.#last;
    if ((await readId(this.parts.reader, position)) === id) return;
    throw new Error(`the log does not hold the event at position ${position} that was read before`);
  }

  /** The whole log moves by the server's own events, so what is listened for is the log's own. */
  #listen(): void {
    const subscription = this.#subscription;
    if (!subscription || subscription.ended) return;
    const { heartbeatIntervalMs, heartbeatTimeoutMs } = this.options;
    const silentMs = performance.now() - subscription.lastReceivedAt;
    if (silentMs > heartbeatTimeoutMs) {
      subscription.end(new Error(`nothing was received for ${heartbeatTimeoutMs} ms`));
    } else if (silentMs > heartbeatIntervalMs) {
      this.parts.beat();
    }
  }
}
