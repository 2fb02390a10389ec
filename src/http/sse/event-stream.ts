import type { OutgoingHttpHeaders } from 'node:http';
import type { Refusal } from '@playhead/contract';
import type { FastifyReply } from 'fastify';
import { Problem } from '../problem.ts';
import { namedEvent, retryAfter } from './sse-format.ts';

/** How much may wait in bytes, and for how long in milliseconds once the stream was ended. */
export interface EventStreamLimits {
  /** Bytes that may wait for one stream. */
  readonly viewerBytesMax: number;
  /** Replays go on once no more than this waits. */
  readonly replayBytesMax: number;
  readonly streamGraceMs: number;
}

/** What a stream delivers, to be ended when the client goes or may not go on. */
export interface StreamSubscription {
  /** Ends it and tells the client why. */
  close(refusal: Refusal): void;
  /** The client is gone. */
  end(): void;
}

const HEAD = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  // nginx keeps an answer back until it has a page of it unless it is asked not to.
  'x-accel-buffering': 'no',
};

/**
 * One answer that does not end: what waits for its client is counted, and until its first byte it
 * can still be refused as any request.
 */
export class EventStream {
  #state: 'requested' | 'open' | 'ended' = 'requested';
  #subscription: StreamSubscription | undefined;
  #settle: { resolve: () => void; reject: (problem: Problem) => void } | undefined;
  #wake: (() => void) | undefined;

  /** `onEnded` is called once, when nothing is sent any more. */
  constructor(
    private readonly reply: FastifyReply,
    private readonly limits: EventStreamLimits,
    private readonly onEnded: () => void,
  ) {}

  /** Bytes that wait for the client. */
  get pending(): number {
    return this.#state === 'open' ? this.reply.raw.writableLength : 0;
  }

  /**
   * Begins to deliver. Resolves once the stream is open, or the client gone before that; rejects
   * with what it was refused for.
   */
  start(begin: () => StreamSubscription | undefined): Promise<void> {
    const response = this.reply.raw;
    // Without a listener, what is written to a client that has just gone would end the process.
    response.on('error', () => undefined);
    response.on('drain', () => this.#wakeUp());
    response.once('close', () => this.#gone());
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      if (response.destroyed) this.#gone();
      else this.#subscription = begin();
    });
  }

  /** Answers: from now on there are events. */
  opened(firstBlocks: string): void {
    if (this.#state !== 'requested') return;
    this.#state = 'open';
    this.reply.hijack();
    const headers = { ...this.reply.getHeaders(), ...HEAD } as OutgoingHttpHeaders;
    this.reply.raw.writeHead(200, headers);
    this.write(Buffer.from(firstBlocks));
    this.#settle?.resolve();
    // Whoever asks for the head alone waits for its end.
    if (this.reply.request.method === 'HEAD') this.reply.raw.end();
  }

  /** Answers: there will be no events. */
  refused({ code, message, field }: Refusal): void {
    if (this.#state !== 'requested') return;
    this.#ended();
    this.#settle?.reject(new Problem(code, message, field));
  }

  /** Answers that there is nothing more: after this a browser does not come back. */
  nothingMore(): void {
    if (this.#state !== 'requested') return;
    this.#ended();
    void this.reply.code(204).send();
    this.#settle?.resolve();
  }

  /** Sends whole text. Those who are sent the same share its bytes. */
  write(text: Buffer): void {
    if (this.#state === 'open' && !this.reply.raw.destroyed) this.reply.raw.write(text);
  }

  /** Whether as many more bytes may wait; when nothing waits any number may. */
  hasRoomFor(bytes: number): boolean {
    const { pending } = this;
    return pending === 0 || pending + bytes <= this.limits.viewerBytesMax;
  }

  /** Runs one piece of work when most of what was sent before has left. */
  async whenDrained(work: () => Promise<void> | void): Promise<void> {
    while (this.pending > this.limits.replayBytesMax) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    await work();
  }

  /** Ends what is delivered, whose last word is `closed` or `refused`. */
  close(refusal: Refusal): void {
    this.#subscription?.close(refusal);
  }

  /** The last word: why it ends, and after how long to come back when that is known. */
  closed(about: Refusal & Readonly<Record<string, unknown>>, reconnectMs?: number): void {
    const retry = reconnectMs === undefined ? '' : retryAfter(reconnectMs);
    this.finish(retry + namedEvent('closed', about));
  }

  /** Ends it with the last blocks of text: there is nothing more to deliver. */
  finish(lastBlocks: string): void {
    if (this.#state !== 'open') return;
    const { raw: response } = this.reply;
    this.write(Buffer.from(lastBlocks));
    this.#ended();
    response.end();
    // The same connection may not be used again: a client would not notice that the node has gone.
    response.socket?.destroySoon();
    const cut = setTimeout(() => response.destroy(), this.limits.streamGraceMs);
    response.once('close', () => clearTimeout(cut));
  }

  #gone(): void {
    if (this.#state === 'ended') return;
    const wasRequested = this.#state === 'requested';
    this.#ended();
    if (wasRequested) this.reply.hijack();
    this.#subscription?.end();
    this.#settle?.resolve();
  }

  #ended(): void {
    this.#state = 'ended';
    this.#wakeUp();
    this.onEnded();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
