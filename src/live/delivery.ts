import {
  refuse,
  sessionStream,
  type Refusal,
  type SessionFrame,
  type SessionOpen,
} from '@playhead/contract';
import { LogError, START, type EventLog, type RecordedEvent } from '../log/event-log.ts';
import type { Tail } from '../log/tail.ts';
import type { Channels, Member } from './channels.ts';
import { frameOf } from './frame.ts';
import { beginning, placeAt, type Place } from './place.ts';
import type { SessionReader } from './session-reader.ts';
import type { ReadLimits, SharedReads } from './shared-reads.ts';
import type { Audience, Viewer } from './viewer.ts';
import type { PlacedView, Views } from './views.ts';

/** What deliveries share. */
export interface FeedParts {
  readonly log: EventLog;
  readonly tail: Tail;
  readonly reads: SharedReads;
  readonly reader: SessionReader;
  readonly views: Views;
  readonly channels: Channels;
  /** Bounds of one frame of a replay. */
  readonly page: ReadLimits;
  /** Resolves once the tail has handed over everything up to a position. */
  passed(position: string): Promise<void>;
  isStopped(): boolean;
  /** The delivery is over, for whatever reason. */
  over(delivery: Delivery): void;
  onFault(fault: unknown): void;
}

/**
 * One viewer's way through one session: the answer, the replay, then live.
 *
 * Nothing is skipped or sent twice, because a viewer joins its session's channel in one synchronous
 * block, at a place with two properties. The tail has passed it: no event up to it comes as
 * live any more. And the tail still holds all that it handed over beyond the place (see
 * `Place.emptyThrough`): this is sent in that block, and everything later comes as live.
 *
 * A viewer who is too slow for a frame leaves the channel in the same block, keeps its place, and
 * comes back by the same way: what waits for it is bounded, and nobody waits for it.
 */
export class Delivery implements Member {
  readonly audience: Audience;
  #state: 'opening' | 'replaying' | 'live' | 'over' = 'opening';
  /** Of the last event sent. */
  #place = beginning;
  /** It has been live, and is to be told to leave. */
  #hasJoined = false;
  /** Of the session's last event when it was opened: what lies up to here is no news. */
  #head = START;

  constructor(
    private readonly parts: FeedParts,
    private readonly request: SessionOpen,
    private readonly viewer: Viewer,
  ) {
    this.audience = viewer.audience;
  }

  /** Opens and replays; resolves when the viewer is live or the delivery is over. */
  async run(): Promise<void> {
    try {
      const start = await this.#start();
      if ('code' in start) {
        this.close(start);
        return;
      }
      await this.viewer.inTurn(() => this.#open(start));
      await this.#replay();
    } catch (fault) {
      this.#fail(fault);
    }
  }

  /** It was live, and is on its way to be so again. */
  get isBehind(): boolean {
    return this.#hasJoined && this.#state === 'replaying';
  }

  /** Nothing is sent from now on. */
  end(): void {
    if (this.#state === 'over') return;
    const wasLive = this.#state === 'live';
    this.#state = 'over';
    if (wasLive) this.parts.channels.leave(this.request.sessionId, this);
    if (this.#hasJoined) this.viewer.leave();
    this.parts.over(this);
  }

  /** Ends it and tells the viewer why. */
  close(refusal: Refusal): void {
    const state = this.#state;
    if (state === 'over') return;
    this.end();
    if (state === 'opening') this.viewer.refused(refusal);
    else this.viewer.closed(refusal, this.#place.revision);
  }

  takes(frame: SessionFrame, bytes: number): boolean {
    if (frame.from !== this.#place.revision + 1) {
      // Cannot happen while the log keeps its word; a viewer must not pay for it with a hole.
      this.failed();
      return false;
    }
    if (this.viewer.hasRoomFor(bytes)) return true;
    this.#fallBehind();
    return false;
  }

  sent(place: Place): void {
    this.#place = place;
  }

  failed(): void {
    this.close(refuse('internal'));
  }

  #fallBehind(): void {
    this.#state = 'replaying';
    this.parts.channels.leave(this.request.sessionId, this);
    this.viewer.behind(this.#place.revision);
    this.#replay().catch((fault: unknown) => this.#fail(fault));
  }

  #fail(fault: unknown): void {
    const code = fault instanceof LogError ? 'unavailable' : 'internal';
    if (code === 'internal') this.parts.onFault(fault);
    this.close(refuse(code));
  }

  async #replay(): Promise<void> {
    while (this.#state === 'replaying') {
      await this.parts.passed(this.#place.position);
      await this.viewer.inTurn(() => this.#step());
    }
  }

  /** Where the request points to, or why nothing comes of it. */
  async #start(): Promise<PlacedView | Refusal> {
    if (this.parts.isStopped()) return refuse('shutting-down');
    const denied = await this.viewer.denied();
    if (denied) return denied;
    const { reads, views, page } = this.parts;
    const { sessionId, after, afterId } = this.request;
    const stream = sessionStream(sessionId);
    if (after === undefined) {
      const placed = await views.now(sessionId);
      return placed.place.revision < 0 ? refuse('not-found') : placed;
    }
    const last = await reads.last(stream);
    if (!last) return refuse('not-found');
    this.#head = last.position;
    if (after < 0) return { view: undefined, place: beginning };
    if (after > last.revision) return refuse('cursor-unknown');
    const isHead = after === last.revision;
    const [at] = isHead ? [last] : (await reads.after(stream, after - 1, page)).events;
    const isSame = at && (afterId === undefined || afterId === at.id);
    return isSame ? { view: undefined, place: placeAt(at) } : refuse('cursor-unknown');
  }

  #open({ view, place }: PlacedView): void {
    if (this.#state !== 'opening') return;
    this.#state = 'replaying';
    this.#place = place;
    this.viewer.opened({
      ok: true,
      sessionId: this.request.sessionId,
      revision: place.revision,
      eventId: place.eventId,
      epoch: this.parts.log.epoch,
      ...(view && { view }),
    });
  }

  /** One page of the replay, or the handover. */
  async #step(): Promise<void> {
    if (this.#state !== 'replaying') return;
    const { page: limits, reader, tail } = this.parts;
    const { sessionId } = this.request;
    const inTail = reader.nextInTail(sessionId, this.#place, limits);
    const isPassed = tail.through >= this.#place.position && tail.through >= this.#head;
    if (inTail?.isLast && isPassed) {
      this.#goLive(inTail.events);
      return;
    }
    // Of what the tail has not come to, it knows no end.
    const page =
      inTail && !inTail.isLast ? inTail : await reader.nextInLog(sessionId, this.#place, limits);
    if (this.#state !== 'replaying') return;
    if (page.events.length > 0) {
      this.viewer.send(frameOf(sessionId, this.#place.revision, page.events));
    }
    this.#place = page.place;
  }

  #goLive(rest: readonly RecordedEvent[]): void {
    const { sessionId } = this.request;
    this.viewer.send({ ...frameOf(sessionId, this.#place.revision, rest), caughtUp: true });
    const last = rest.at(-1);
    if (last) this.#place = placeAt(last);
    this.#state = 'live';
    this.#hasJoined = true;
    this.parts.channels.join(sessionId, this);
    this.viewer.join();
  }
}
