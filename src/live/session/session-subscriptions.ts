import { refuse, type MessageView, type SessionOpen } from '@playhead/contract';
import type { EventLog, FollowedBatch } from '../../log/event-log.ts';
import type { Snapshots } from '../../log/snapshots.ts';
import type { Tail } from '../../log/tail.ts';
import { PositionWaiters } from '../position-waiters.ts';
import { SessionRooms } from './session-rooms.ts';
import { SessionSubscription, type SubscriptionContext } from './session-subscription.ts';
import { withOpenText } from './open-message-text.ts';
import { CatchUpReader } from './catch-up-reader.ts';
import { SharedReads } from './shared-reads.ts';
import type { SessionViewer } from './session-viewer.ts';
import { SessionViews, type SessionViewsLimits } from './session-views.ts';

/** Bounds of what is read and sent at once, as `limits.ts` has them. */
export interface SessionSubscriptionsLimits extends SessionViewsLimits {
  readonly readEventsMax: number;
  readonly replayBytesMax: number;
  readonly sharedReadsBytesMax: number;
}

/** What sessions are read from. */
export interface SessionSubscriptionsSources {
  readonly log: EventLog;
  readonly tail: Tail;
  readonly snapshots: Snapshots;
}

/**
 * Subscriptions to sessions: a view or a replay, then live; nothing is missing and nothing comes
 * twice.
 *
 * This class is the entry of the folder. Read on in `session-subscription.ts` (the state machine of
 * one viewer: opening, replaying, live), `session-rooms.ts` (fan-out to live viewers) and
 * `cursor.ts`. `catch-up-reader.ts` and `shared-reads.ts` bring pages of the log to many viewers,
 * `session-views.ts` folds what an open without a cursor answers.
 */
export class SessionSubscriptions {
  readonly #context: SubscriptionContext;
  readonly #subscriptions = new Set<SessionSubscription>();
  readonly #unlisten: () => void;
  #isStopped = false;
  readonly #waiters = new PositionWaiters();

  /** `onFault` is called with what should never happen; viewers it hits are asked to open again. */
  constructor(
    { log, tail, snapshots }: SessionSubscriptionsSources,
    limits: SessionSubscriptionsLimits,
    onFault: (fault: unknown) => void,
  ) {
    const reads = new SharedReads(log, tail, limits.sharedReadsBytesMax);
    const reader = new CatchUpReader(reads, tail);
    const views = new SessionViews({ log, snapshots, reader, onFault }, limits);
    const rooms = new SessionRooms((frame) => {
      views.keepUp(frame.sessionId, frame.through);
    }, onFault);
    this.#context = {
      ...{ log, tail, reads, reader, views, rooms, onFault },
      page: { limit: limits.readEventsMax, bytesMax: limits.replayBytesMax },
      untilTailReaches: (position) =>
        position <= tail.through ? Promise.resolve() : this.#waiters.wait(position),
      isStopped: () => this.#isStopped,
      ended: (subscription) => this.#subscriptions.delete(subscription),
    };
    this.#unlisten = tail.listen((batch) => this.#follow(batch));
  }

  /** Subscriptions that have not ended. */
  get viewers(): number {
    return this.#subscriptions.size;
  }

  /** Subscriptions that could not keep up and are catching up from the log. */
  get behind(): number {
    let count = 0;
    for (const { isBehind } of this.#subscriptions) if (isBehind) count += 1;
    return count;
  }

  /** Sessions that somebody watches live. */
  get sessions(): number {
    return this.#context.rooms.size;
  }

  /**
   * Opens a session. The viewer learns what comes of it, never before this call returns. The
   * request must have been validated.
   */
  open(request: SessionOpen, viewer: SessionViewer): SessionSubscription {
    const subscription = new SessionSubscription(this.#context, request, viewer);
    this.#subscriptions.add(subscription);
    void subscription.run();
    return subscription;
  }

  /** Messages with their current text. Read models have no text of a message that is still open. */
  withOpenText(sessionId: string, messages: readonly MessageView[]): Promise<MessageView[]> {
    return withOpenText(this.#context, sessionId, messages);
  }

  /** Folds new events of a session, so that the next open is quick however long it has become. */
  fold(sessionId: string): void {
    this.#context.views.foldSoon(sessionId);
  }

  /** Ends all subscriptions and tells their viewers. */
  stop(): void {
    this.#isStopped = true;
    this.#unlisten();
    for (const subscription of [...this.#subscriptions])
      subscription.close(refuse('shutting-down'));
    this.#waiters.releaseAll();
  }

  #follow(batch: FollowedBatch): void {
    this.#context.rooms.follow(batch);
    this.#waiters.reached(batch.through);
  }
}
