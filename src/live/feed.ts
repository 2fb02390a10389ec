import { refuse, type MessageView, type SessionOpen } from '@playhead/contract';
import type { EventLog, FollowedBatch } from '../log/event-log.ts';
import type { Snapshots } from '../log/snapshots.ts';
import type { Tail } from '../log/tail.ts';
import { Channels } from './channels.ts';
import { Delivery, type FeedParts } from './delivery.ts';
import { withOpenText } from './open-messages.ts';
import { SessionReader } from './session-reader.ts';
import { SharedReads } from './shared-reads.ts';
import type { Viewer } from './viewer.ts';
import { Views, type ViewsLimits } from './views.ts';

/** Bounds of what is read and sent at once, as `config.ts` has them. */
export interface FeedLimits extends ViewsLimits {
  readonly readEventsMax: number;
  readonly replayBytesMax: number;
  readonly sharedReadsBytesMax: number;
}

/** What a feed reads. */
export interface FeedSources {
  readonly log: EventLog;
  readonly tail: Tail;
  readonly snapshots: Snapshots;
}

/** Opens sessions for viewers: a view or a replay, then live, without a hole or a double. */
export class Feed {
  readonly #tail: Tail;
  readonly #parts: FeedParts;
  readonly #deliveries = new Set<Delivery>();
  readonly #unlisten: () => void;
  #isStopped = false;
  #passing: { readonly position: string; readonly resolve: () => void }[] = [];

  /** `onFault` hears of what should never happen; viewers it hits are told to open again. */
  constructor(
    { log, tail, snapshots }: FeedSources,
    limits: FeedLimits,
    onFault: (fault: unknown) => void,
  ) {
    this.#tail = tail;
    const reads = new SharedReads(log, tail, limits.sharedReadsBytesMax);
    const reader = new SessionReader(reads, tail);
    const views = new Views({ log, snapshots, reader, onFault }, limits);
    const channels = new Channels((frame) => {
      views.keepUp(frame.sessionId, frame.through);
    }, onFault);
    this.#parts = {
      ...{ log, tail, reads, reader, views, channels, onFault },
      page: { limit: limits.readEventsMax, bytesMax: limits.replayBytesMax },
      passed: (position) => this.#passed(position),
      isStopped: () => this.#isStopped,
      over: (delivery) => this.#deliveries.delete(delivery),
    };
    this.#unlisten = tail.listen((batch) => this.#follow(batch));
  }

  /** Deliveries that are not over. */
  get viewers(): number {
    return this.#deliveries.size;
  }

  /** Deliveries that are too slow for what happens, and are sent it from the log. */
  get behind(): number {
    let count = 0;
    for (const { isBehind } of this.#deliveries) if (isBehind) count += 1;
    return count;
  }

  /** Sessions that somebody watches live. */
  get sessions(): number {
    return this.#parts.channels.size;
  }

  /**
   * Opens a session; what comes of it the viewer is told, never before this call returns. The
   * request is taken as checked.
   */
  open(request: SessionOpen, viewer: Viewer): Delivery {
    const delivery = new Delivery(this.#parts, request, viewer);
    this.#deliveries.add(delivery);
    void delivery.run();
    return delivery;
  }

  /** Messages of a session with the text of now; of open ones the read models have none. */
  withOpenText(sessionId: string, messages: readonly MessageView[]): Promise<MessageView[]> {
    return withOpenText(this.#parts, sessionId, messages);
  }

  /** Folds what is new of a session, so that it opens at once however long it has become. */
  fold(sessionId: string): void {
    this.#parts.views.foldSoon(sessionId);
  }

  /** Ends all deliveries and tells their viewers. */
  stop(): void {
    this.#isStopped = true;
    this.#unlisten();
    for (const delivery of [...this.#deliveries]) delivery.close(refuse('shutting-down'));
    for (const { resolve } of this.#passing.splice(0)) resolve();
  }

  #follow(batch: FollowedBatch): void {
    this.#parts.channels.follow(batch);
    const passed = this.#passing.filter(({ position }) => position <= batch.through);
    if (passed.length === 0) return;
    this.#passing = this.#passing.filter(({ position }) => position > batch.through);
    for (const { resolve } of passed) resolve();
  }

  #passed(position: string): Promise<void> {
    if (position <= this.#tail.through) return Promise.resolve();
    return new Promise((resolve) => this.#passing.push({ position, resolve }));
  }
}
