import {
  refuse,
  replayMoment,
  sessionStream,
  type Refusal,
  type ReplayMoment,
} from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { Limits } from '../../config.ts';
import { asSessionEvent } from '../../live/frames.ts';
import { codeOfFault, type EventLog, type RecordedEvent } from '../../log/event-log.ts';
import { pagesOf } from '../../log/pages.ts';
import { sessionCursor } from './event-ids.ts';
import type { EventStream, StreamSubscription } from './event-stream.ts';
import type { OpenStreams } from './open-streams.ts';
import { messageEvent, namedEvent, retryAfter } from './sse-format.ts';

/** What is asked for: which revisions, how fast, and where a client was cut that comes back. */
export interface ReplayRequest {
  readonly sessionId: string;
  readonly from: number;
  /** The session's last one when undefined. */
  readonly to?: number | undefined;
  readonly speed: number;
  readonly maxPause: number;
  readonly cursor?: { readonly after?: number; readonly afterId?: string } | undefined;
}

/** What a replay is made with. */
export interface ReplayContext {
  readonly log: EventLog;
  readonly streams: OpenStreams;
  readonly limits: Limits;
}

/** Replays of sessions at the pace at which things happened. */
export class ReplayStreams {
  constructor(private readonly context: ReplayContext) {}

  /** Opens one on an admitted stream; rejects with the refusal when it is not opened. */
  open(asked: ReplayRequest, stream: EventStream, request: FastifyRequest): Promise<void> {
    const { streams } = this.context;
    return streams.start(stream, () => {
      const replay = new ReplayStream(asked, stream, this.context);
      void replay.run(() => streams.denied(request));
      return replay;
    });
  }
}

/** setTimeout takes no longer time. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** One replay: a page of events at a time, each sent when it is due and the client takes it. */
class ReplayStream implements StreamSubscription {
  #hasEnded = false;
  #isOpen = false;
  #wake: (() => void) | undefined;
  /** The last event sent. */
  #revision = -1;
  #moment: ReplayMoment | undefined;
  /** When the last event was due. */
  #dueMs = 0;

  constructor(
    private readonly asked: ReplayRequest,
    private readonly stream: EventStream,
    private readonly context: ReplayContext,
  ) {}

  /** Answers, and goes on until the last event or until it is ended. */
  async run(denied: () => Promise<Refusal | undefined>): Promise<void> {
    try {
      const range = (await denied()) ?? (await this.#range());
      if ('code' in range) this.close(range);
      else if (range.from > range.to) this.#nothingMore();
      else await this.#replay(range);
    } catch (fault) {
      this.close(refuse(codeOfFault(fault)));
    }
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  close(refusal: Refusal): void {
    if (this.#hasEnded) return;
    this.end();
    const { streams } = this.context;
    if (this.#isOpen) streams.close(this.stream, refusal, { revision: this.#revision });
    else streams.refuse(this.stream, refusal);
  }

  /** The client was cut right after the last event. */
  #nothingMore(): void {
    this.#hasEnded = true;
    this.stream.nothingMore();
  }

  /** The revisions to show, or why there are none. */
  async #range(): Promise<{ readonly from: number; readonly to: number } | Refusal> {
    const { log } = this.context;
    const { sessionId, from, cursor } = this.asked;
    const stream = sessionStream(sessionId);
    const last = await log.last(stream);
    if (!last) return refuse('not-found');
    const { to = last.revision } = this.asked;
    for (const [field, revision] of Object.entries({ from, to })) {
      if (revision <= last.revision) continue;
      const message = `${field}: the last revision of the session is ${last.revision}`;
      return refuse('invalid', message, field);
    }
    if (cursor?.after === undefined) return { from, to };
    const { after, afterId } = cursor;
    const [at] = await log.read(stream, { after: after - 1, limit: 1 });
    const isSame = at && (afterId === undefined || afterId.toLowerCase() === at.id);
    return isSame ? { from: Math.max(from, after + 1), to } : refuse('cursor-unknown');
  }

  async #replay({ from, to }: { readonly from: number; readonly to: number }): Promise<void> {
    if (this.#hasEnded) return;
    const { log, streams, limits } = this.context;
    const { sessionId, speed, maxPause } = this.asked;
    this.#isOpen = true;
    this.#revision = from - 1;
    const about = { sessionId, from, to, speed, maxPause };
    this.stream.opened(retryAfter(streams.retryMs) + namedEvent('replay', about));
    this.#dueMs = performance.now();
    const bounds = { limit: limits.readEventsMax, bytesMax: limits.replayBytesMax };
    const stream = sessionStream(sessionId);
    for await (const page of pagesOf(log, stream, { after: from - 1, ...bounds })) {
      for (const event of page) {
        if (event.revision > to) break;
        await this.#show(event);
        if (this.#hasEnded) return;
      }
      if (this.#revision >= to) break;
    }
    this.#hasEnded = true;
    this.stream.finish(namedEvent('end', { revision: this.#revision }));
  }

  /** Sends an event once it is due and most of what was sent before has left. */
  async #show(event: RecordedEvent): Promise<void> {
    const { speed, maxPause } = this.asked;
    this.#moment = replayMoment(this.#moment, event, { speed, pauseMaxMs: maxPause });
    const now = performance.now();
    // Times are added up, so that what a timer is late by is made up for at the next event.
    const isLate = now - this.#dueMs > this.context.limits.replayLateMs;
    this.#dueMs = (isLate ? now : this.#dueMs) + this.#moment.pauseMs;
    while (!this.#hasEnded && this.#dueMs - performance.now() >= 1) {
      await this.#sleep(Math.min(this.#dueMs - performance.now(), TIMER_MS_MAX));
    }
    await this.stream.whenDrained(() => {
      if (this.#hasEnded) return;
      const id = sessionCursor(event.revision, event.id);
      this.stream.write(Buffer.from(messageEvent(id, asSessionEvent(event))));
      this.#revision = event.revision;
    });
  }

  /** Resolves after some time, or when the replay ends. */
  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
