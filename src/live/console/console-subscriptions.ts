import { setTimeout as sleep } from 'node:timers/promises';
import { PositionWaiters } from '../position-waiters.ts';
import { refuse, type ConsoleFilter, type ConsoleOpen } from '@playhead/contract';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import type { Tail } from '../../log/tail.ts';
import { ConsoleRoom } from './console-room.ts';
import { SessionCache, type SessionCacheLimits } from './session-cache.ts';
import { foldBatch, revisionsIn } from './fold-batch.ts';
import type { SessionListSource } from './session-list-source.ts';
import type { ConsoleViewer } from './console-viewer.ts';
import {
  ConsoleSubscription,
  type ConsoleSubscriptionLimits,
  type ConsoleContext,
} from './console-subscription.ts';

/** Bounds of the console, as `limits.ts` has them. */
export interface ConsoleSubscriptionsLimits extends ConsoleSubscriptionLimits, SessionCacheLimits {
  readonly consoleBatchMs: number;
  readonly consoleIdleEventsMax: number;
  readonly consolePatchedSessionsMax: number;
}

/** What the console is made from; `onFault` is called with what should never happen. */
export interface ConsoleSubscriptionsOptions {
  readonly log: EventLog;
  readonly tail: Tail;
  readonly list: SessionListSource;
  readonly limits: ConsoleSubscriptionsLimits;
  readonly onFault: (fault: unknown) => void;
}

/**
 * Subscriptions to the live list of sessions. While anybody has one, each batch of the log is
 * folded once and sent once to each room: consoles with the same filter share a room.
 *
 * This class is the entry of the folder. Read on in `console-subscription.ts` (one viewer: opening,
 * replaying, live), `console-room.ts` (patches for all consoles with one filter), `fold-batch.ts`
 * and `session-cache.ts` (sessions as they were before a batch); `session-list-source.ts` is the
 * port to the read model.
 */
export class ConsoleSubscriptions {
  readonly #cache: SessionCache;
  readonly #context: ConsoleContext;
  readonly #subscriptions = new Set<ConsoleSubscription>();
  readonly #rooms = new Map<string, ConsoleRoom>();
  readonly #unlisten: () => void;
  #through = '';
  #isRunning = false;
  #isStopped = false;
  #wake: () => void = () => undefined;
  readonly #waiters = new PositionWaiters();

  constructor(private readonly options: ConsoleSubscriptionsOptions) {
    const { log, tail, list, limits, onFault } = options;
    this.#cache = new SessionCache(log, list, limits);
    const through = (): string => this.#through;
    this.#context = {
      ...{ log, list, limits, onFault, cache: this.#cache },
      get through() {
        return through();
      },
      untilReached: (position) =>
        position <= this.#through ? Promise.resolve() : this.#waiters.wait(position),
      next: (position) => this.#next(position, this.#through),
      roomFor: (filter, withEvents) => this.#roomFor(filter, withEvents),
      leftRoom: ({ members, options: { room } }) => {
        if (members.size === 0) this.#rooms.delete(room);
      },
      isStopped: () => this.#isStopped,
      ended: (subscription) => this.#ended(subscription),
    };
    this.#unlisten = tail.listen(() => this.#wake());
  }

  /** Consoles that are open or being opened. */
  get viewers(): number {
    return this.#subscriptions.size;
  }

  /**
   * Opens the list. The viewer learns what comes of it, never before this call returns. The request
   * must have been validated.
   */
  open(request: ConsoleOpen, viewer: ConsoleViewer): ConsoleSubscription {
    const subscription = new ConsoleSubscription(this.#context, request, viewer);
    this.#subscriptions.add(subscription);
    if (!this.#isRunning && !this.#isStopped) {
      this.#isRunning = true;
      this.#through = this.options.tail.through;
      void this.#run();
    }
    void subscription.run();
    return subscription;
  }

  /** Ends all consoles and tells their viewers. */
  stop(): void {
    this.#isStopped = true;
    this.#unlisten();
    for (const subscription of [...this.#subscriptions])
      subscription.close(refuse('shutting-down'));
  }

  /** Publishes batches until the last console has closed. */
  async #run(): Promise<void> {
    const { tail, limits } = this.options;
    while (this.#subscriptions.size > 0) {
      try {
        if (this.#through >= tail.through) {
          await new Promise<void>((resolve) => (this.#wake = resolve));
          continue;
        }
        await this.#publishNext(tail.through);
        // What is appended meanwhile goes into one frame.
        await sleep(limits.consoleBatchMs);
      } catch (fault) {
        // Clients hold their cursors and resume from there.
        for (const subscription of [...this.#subscriptions]) subscription.fail(fault);
      }
    }
    this.#isRunning = false;
  }

  async #publishNext(end: string): Promise<void> {
    const from = this.#through;
    const next = await this.#next(from, end);
    const events = next.slice(0, this.options.limits.readEventsMax);
    const before = await this.#cache.load(revisionsIn(events).before);
    const through = events.at(-1)?.position ?? end;
    const batch = foldBatch(from, through, events, before);
    // One synchronous block: who joins has been sent the whole batch before, or gets all of it now.
    for (const [sessionId, session] of batch.sessions) this.#cache.put(sessionId, session);
    this.#through = through;
    for (const room of [...this.#rooms.values()]) room.publish(batch);
    this.#waiters.reached(through);
  }

  /** Events beyond a position up to another; none only when there are none. */
  #next(from: string, end: string): Promise<readonly RecordedEvent[]> | readonly RecordedEvent[] {
    const { log, tail, limits } = this.options;
    const upToEnd = (events: readonly RecordedEvent[]) =>
      events.filter(({ position }) => position <= end).slice(0, limits.readEventsMax);
    const inTail = tail.after(from);
    if (inTail) return upToEnd(inTail);
    return log.readAll({ after: from, limit: limits.readEventsMax }).then(upToEnd);
  }

  #roomFor(filter: ConsoleFilter, withEvents: boolean): ConsoleRoom {
    const name = `console:${JSON.stringify([withEvents, filter])}`;
    const known = this.#rooms.get(name);
    if (known) return known;
    const { consoleIdleEventsMax: quietMax, consolePatchedSessionsMax: knownMax } =
      this.options.limits;
    const room = new ConsoleRoom(
      { room: name, filter, withEvents, quietMax, knownMax },
      this.#through,
    );
    this.#rooms.set(name, room);
    return room;
  }

  #ended(subscription: ConsoleSubscription): void {
    this.#subscriptions.delete(subscription);
    if (this.#subscriptions.size > 0) return;
    this.#waiters.releaseAll();
    this.#wake();
  }
}
