import { refuse, type Refusal } from '@playhead/contract';
import { wireBytes } from '../../live/frames.ts';
import { LogError, START, type EventLog, type RecordedEvent } from '../../log/event-log.ts';
import type { Tail } from '../../log/tail.ts';
import { cursorOnly } from './blocks.ts';
import type { Delivered, EventStream } from './event-stream.ts';
import { logCursor } from './ids.ts';
import type { PeerBlocks } from './peer-blocks.ts';
import type { Streams } from './streams.ts';

/** What is asked for: one conversation or all, from a cursor or from now. */
export interface PeerAsked {
  readonly conversationId: string | undefined;
  readonly cursor: { readonly after: string; readonly epoch: string } | undefined;
}

/** What such streams share. */
export interface PeerParts {
  readonly log: EventLog;
  readonly tail: Tail;
  readonly blocks: PeerBlocks;
  readonly streams: Streams;
  readonly limits: {
    readonly readEventsMax: number;
    readonly replayBytesMax: number;
    readonly consoleIdleEventsMax: number;
  };
  /** Before the last events that there is a shape for. */
  recentFrom(): string;
  /** The last events of a conversation that there is a shape for. */
  recentOf(conversationId: string): Promise<readonly RecordedEvent[]>;
  over(peer: PeerStream): void;
  onFault(fault: unknown): void;
}

/**
 * One client's way through the log, which it goes at its own pace: it takes what comes next when
 * most of what it was sent has left. So it needs no room, and nothing is held for it.
 */
export class PeerStream implements Delivered {
  #position = START;
  /** Events of the conversation up to the position, to be shown before anything else. */
  #past: readonly RecordedEvent[] = [];
  #isOver = false;
  #isOpen = false;
  /** Events passed over since the client's cursor was last moved on. */
  #quiet = 0;
  #wake: (() => void) | undefined;

  constructor(
    private readonly parts: PeerParts,
    private readonly asked: PeerAsked,
    private readonly stream: EventStream,
  ) {}

  /** Answers and goes on until it is ended. */
  async run(denied: () => Promise<Refusal | undefined>): Promise<void> {
    try {
      const refusal = (await denied()) ?? (await this.#start());
      if (refusal) this.close(refusal);
      while (!this.#isOver) await this.stream.inTurn(() => this.#step());
    } catch (fault) {
      this.#fail(fault);
    }
  }

  /** Something has come. */
  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.parts.over(this);
    this.wake();
  }

  close(refusal: Refusal): void {
    if (this.#isOver) return;
    this.end();
    if (this.#isOpen) this.parts.streams.close(this.stream, refusal, { position: this.#position });
    else this.parts.streams.refuse(this.stream, refusal);
  }

  /** Greets, and shows what was said last to who has no cursor. */
  async #start(): Promise<Refusal | undefined> {
    const { log, tail } = this.parts;
    const { conversationId, cursor } = this.asked;
    if (cursor) {
      if (cursor.epoch !== log.epoch) return refuse('cursor-unknown');
      // A position of another store is refused here, before the first byte.
      await log.readAll({ after: cursor.after, limit: 1 });
      if (cursor.after > (await log.head())) return refuse('cursor-unknown');
      this.#position = cursor.after;
      this.#greet();
      return undefined;
    }
    this.#position = this.parts.recentFrom();
    if (conversationId !== undefined) {
      const { through } = tail;
      const past = await this.parts.recentOf(conversationId);
      // What lies beyond comes next as news.
      this.#past = past.filter(({ position }) => position <= through);
      this.#position = through;
    }
    this.#greet();
    if (this.#past.length === 0) this.#tellCursor();
    return undefined;
  }

  #greet(): void {
    if (this.#isOver) return;
    const { conversationId } = this.asked;
    this.#isOpen = true;
    const what = conversationId === undefined ? 'all events' : `conversation ${conversationId}`;
    const greeting = {
      type: 'connected',
      timestamp: new Date().toISOString(),
      message: `Subscribed to ${what}`,
    };
    this.stream.opened(`data: ${JSON.stringify(greeting)}\n\n`);
  }

  /** The next page, or a pause until there is one. */
  async #step(): Promise<void> {
    if (this.#isOver) return;
    const { log, tail, limits } = this.parts;
    if (this.#past.length > 0) {
      const page = firstPage(this.#past, limits);
      this.#past = this.#past.slice(page.length);
      await this.#send(page);
      if (this.#past.length === 0) this.#tellCursor();
      return;
    }
    const events =
      tail.after(this.#position) ??
      (await log.readAll({ after: this.#position, limit: limits.readEventsMax }));
    if (events.length > 0) {
      await this.#send(firstPage(events, limits));
      return;
    }
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Whoever comes back goes on here, though the last event it was shown may be far behind. */
  #tellCursor(): void {
    const { epoch } = this.parts.log;
    this.stream.write(Buffer.from(cursorOnly(logCursor(this.#position, epoch))));
    this.#quiet = 0;
  }

  async #send(events: readonly RecordedEvent[]): Promise<void> {
    const { blocks, limits } = this.parts;
    const page: Buffer[] = [];
    for (const event of events) {
      const block = await blocks.of(event, this.asked.conversationId);
      if (block) page.push(block);
      this.#quiet = block ? 0 : this.#quiet + 1;
    }
    if (this.#isOver) return;
    const last = events.at(-1)?.position ?? START;
    if (last > this.#position) this.#position = last;
    if (page.length > 0) this.stream.write(Buffer.concat(page));
    if (this.#quiet >= limits.consoleIdleEventsMax) this.#tellCursor();
  }

  #fail(fault: unknown): void {
    if (fault instanceof LogError && fault.code === 'invalid') {
      this.close(refuse('invalid', `last-event-id: ${fault.message}`, 'last-event-id'));
      return;
    }
    const code = fault instanceof LogError ? 'unavailable' : 'internal';
    if (code === 'internal') this.parts.onFault(fault);
    this.close(refuse(code));
  }
}

/** As many events, from the first, as are sent at once; at least one. */
function firstPage(
  events: readonly RecordedEvent[],
  { readEventsMax, replayBytesMax }: PeerParts['limits'],
): readonly RecordedEvent[] {
  let bytes = 0;
  const end = events.findIndex((event, nth) => {
    bytes += wireBytes([event]);
    return nth >= readEventsMax || (nth > 0 && bytes > replayBytesMax);
  });
  return end < 0 ? events : events.slice(0, end);
}
