import {
  refuse,
  sessionStream,
  type Refusal,
  type SessionFrame,
  type SessionOpen,
} from '@playhead/contract';
import { codeOfFault, START, type EventLog, type RecordedEvent } from '../../log/event-log.ts';
import type { Tail } from '../../log/tail.ts';
import type { SessionRooms, RoomMember } from './session-rooms.ts';
import { frameOf } from '../frames.ts';
import { startCursor, cursorAt, type Cursor } from './cursor.ts';
import type { CatchUpReader } from './catch-up-reader.ts';
import type { ReadLimits, SharedReads } from './shared-reads.ts';
import type { SessionAudience, SessionViewer } from './session-viewer.ts';
import type { ViewAtCursor, SessionViews } from './session-views.ts';

/** What subscriptions share. */
export interface SubscriptionContext {
  readonly log: EventLog;
  readonly tail: Tail;
  readonly reads: SharedReads;
  readonly reader: CatchUpReader;
  readonly views: SessionViews;
  readonly rooms: SessionRooms;
  /** Bounds of one frame of a replay. */
  readonly page: ReadLimits;
  /** Resolves once the tail has handed over everything up to a position. */
  untilTailReaches(position: string): Promise<void>;
  isStopped(): boolean;
  /** The subscription has ended, for whatever reason. */
  ended(subscription: SessionSubscription): void;
  onFault(fault: unknown): void;
}

/**
 * One viewer's subscription to one session: the acknowledgement, the catch-up, then live.
 *
 * Nothing is skipped or sent twice, because a viewer joins its session's room in one synchronous
 * block, at a cursor with two properties. The tail has passed it: no event up to it will come as a
 * live one. And the tail still holds everything that it handed over beyond the cursor (see
 * `Cursor.emptyThrough`): that is sent in this block, and everything later comes live.
 *
 * A viewer that is too slow for a frame leaves the room in the same block, keeps its cursor and
 * catches up in the same way as at first. What waits for it is bounded, and nobody waits for it.
 */
export class SessionSubscription implements RoomMember {
  readonly audience: SessionAudience;
  #state: 'opening' | 'replaying' | 'live' | 'ended' = 'opening';
  /** At the last event sent. */
  #cursor = startCursor;
  /** It has been live: the viewer must be notified that it leaves. */
  #hasJoined = false;
  /** Position of the session's last event at the open: events up to here are not live. */
  #head = START;

  constructor(
    private readonly context: SubscriptionContext,
    private readonly request: SessionOpen,
    private readonly viewer: SessionViewer,
  ) {
    this.audience = viewer.audience;
  }

  /** Opens and replays; resolves when the viewer is live or the subscription has ended. */
  async run(): Promise<void> {
    try {
      const start = await this.#start();
      if ('code' in start) {
        this.close(start);
        return;
      }
      await this.viewer.whenDrained(() => this.#open(start));
      await this.#replay();
    } catch (fault) {
      this.#fail(fault);
    }
  }

  /** It was live and is catching up again. */
  get isBehind(): boolean {
    return this.#hasJoined && this.#state === 'replaying';
  }

  /** Nothing is sent from now on. */
  end(): void {
    if (this.#state === 'ended') return;
    const wasLive = this.#state === 'live';
    this.#state = 'ended';
    if (wasLive) this.context.rooms.leave(this.request.sessionId, this);
    if (this.#hasJoined) this.viewer.leave();
    this.context.ended(this);
  }

  /** Ends it and tells the viewer why. */
  close(refusal: Refusal): void {
    const state = this.#state;
    if (state === 'ended') return;
    this.end();
    if (state === 'opening') this.viewer.refused(refusal);
    else this.viewer.closed(refusal, this.#cursor.revision);
  }

  accepts(frame: SessionFrame, bytes: number): boolean {
    if (frame.from !== this.#cursor.revision + 1) {
      // Only a broken log can cause this. A viewer must not miss an event because of it.
      this.fail();
      return false;
    }
    if (this.viewer.hasRoomFor(bytes)) return true;
    this.#fallBehind();
    return false;
  }

  advance(cursor: Cursor): void {
    this.#cursor = cursor;
  }

  fail(): void {
    this.close(refuse('internal'));
  }

  #fallBehind(): void {
    this.#state = 'replaying';
    this.context.rooms.leave(this.request.sessionId, this);
    this.viewer.behind(this.#cursor.revision);
    this.#replay().catch((fault: unknown) => this.#fail(fault));
  }

  #fail(fault: unknown): void {
    const code = codeOfFault(fault);
    if (code === 'internal') this.context.onFault(fault);
    this.close(refuse(code));
  }

  async #replay(): Promise<void> {
    while (this.#state === 'replaying') {
      await this.context.untilTailReaches(this.#cursor.position);
      await this.viewer.whenDrained(() => this.#sendNext());
    }
  }

  /** The view and cursor to start from, or why it is refused. */
  async #start(): Promise<ViewAtCursor | Refusal> {
    if (this.context.isStopped()) return refuse('shutting-down');
    const denied = await this.viewer.denied();
    if (denied) return denied;
    const { reads, views, page } = this.context;
    const { sessionId, after, afterId } = this.request;
    const stream = sessionStream(sessionId);
    if (after === undefined) {
      const current = await views.now(sessionId);
      return current.cursor.revision < 0 ? refuse('not-found') : current;
    }
    const last = await reads.last(stream);
    if (!last) return refuse('not-found');
    this.#head = last.position;
    if (after < 0) return { view: undefined, cursor: startCursor };
    if (after > last.revision) return refuse('cursor-unknown');
    const isHead = after === last.revision;
    const [at] = isHead ? [last] : (await reads.after(stream, after - 1, page)).events;
    const isSame = at && (afterId === undefined || afterId === at.id);
    return isSame ? { view: undefined, cursor: cursorAt(at) } : refuse('cursor-unknown');
  }

  #open({ view, cursor }: ViewAtCursor): void {
    if (this.#state !== 'opening') return;
    this.#state = 'replaying';
    this.#cursor = cursor;
    this.viewer.opened({
      ok: true,
      sessionId: this.request.sessionId,
      revision: cursor.revision,
      eventId: cursor.eventId,
      epoch: this.context.log.epoch,
      ...(view && { view }),
    });
  }

  /** Sends one page of the replay, or hands over to live. */
  async #sendNext(): Promise<void> {
    if (this.#state !== 'replaying') return;
    const { page: limits, reader, tail } = this.context;
    const { sessionId } = this.request;
    const inTail = reader.nextInTail(sessionId, this.#cursor, limits);
    const isPast = tail.through >= this.#cursor.position && tail.through >= this.#head;
    if (inTail?.isLast && isPast) {
      this.#goLive(inTail.events);
      return;
    }
    // The tail cannot say where the session ends before it has come that far itself.
    const page =
      inTail && !inTail.isLast ? inTail : await reader.nextInLog(sessionId, this.#cursor, limits);
    if (this.#state !== 'replaying') return;
    if (page.events.length > 0) {
      this.viewer.send(frameOf(sessionId, this.#cursor.revision, page.events));
    }
    this.#cursor = page.cursor;
  }

  #goLive(remaining: readonly RecordedEvent[]): void {
    const { sessionId } = this.request;
    this.viewer.send({ ...frameOf(sessionId, this.#cursor.revision, remaining), caughtUp: true });
    const last = remaining.at(-1);
    if (last) this.#cursor = cursorAt(last);
    this.#state = 'live';
    this.#hasJoined = true;
    this.context.rooms.join(sessionId, this);
    this.viewer.join();
  }
}
