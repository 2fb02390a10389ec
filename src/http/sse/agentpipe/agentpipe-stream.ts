import { refuse, type Refusal } from '@playhead/contract';
import { wireBytes } from '../../../live/frames.ts';
import {
  codeOfFault,
  LogError,
  START,
  type EventLog,
  type RecordedEvent,
} from '../../../log/event-log.ts';
import type { Tail } from '../../../log/tail.ts';
import { cursorOnly } from '../sse-format.ts';
import type { StreamSubscription, EventStream } from '../event-stream.ts';
import { logCursor } from '../event-ids.ts';
import type { AgentPipeEncoder } from './event-encoder.ts';
import type { OpenStreams } from '../open-streams.ts';

/** What is asked for: one conversation or all, from a cursor or from now. */
export interface AgentPipeRequest {
  readonly conversationId: string | undefined;
  /** How the stream greets: the one of their specification, or the one that their pages use. */
  readonly greeting: 'connected' | 'connection.established';
  readonly cursor: { readonly after: string; readonly epoch: string } | undefined;
}

/** What such streams share. */
export interface AgentPipeContext {
  readonly log: EventLog;
  readonly tail: Tail;
  readonly encoder: AgentPipeEncoder;
  readonly streams: OpenStreams;
  readonly limits: {
    readonly readEventsMax: number;
    readonly replayBytesMax: number;
    readonly consoleIdleEventsMax: number;
  };
  /** Before the last events that there is a shape for. */
  recentFrom(): string;
  /** The last events of a conversation that there is a shape for. */
  recentOf(conversationId: string): Promise<readonly RecordedEvent[]>;
  ended(stream: AgentPipeStream): void;
  onFault(fault: unknown): void;
}

/**
 * One client's subscription to the log, at the client's own pace: the next page is read when most
 * of the last one has left. So it needs no room, and nothing is buffered for it.
 */
export class AgentPipeStream implements StreamSubscription {
  #position = START;
  /** Events of the conversation up to the position, to be shown before anything else. */
  #past: readonly RecordedEvent[] = [];
  #hasEnded = false;
  #isOpen = false;
  /** Events passed over since the client's cursor was last moved on. */
  #skipped = 0;
  #wake: (() => void) | undefined;

  constructor(
    private readonly context: AgentPipeContext,
    private readonly asked: AgentPipeRequest,
    private readonly stream: EventStream,
  ) {}

  /** The conversation that it is of, undefined for one of all. */
  get conversationId(): string | undefined {
    return this.asked.conversationId;
  }

  /** Answers and goes on until it is ended. */
  async run(denied: () => Promise<Refusal | undefined>): Promise<void> {
    try {
      const refusal = (await denied()) ?? (await this.#start());
      if (refusal) this.close(refusal);
      while (!this.#hasEnded) await this.stream.whenDrained(() => this.#sendNext());
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
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.context.ended(this);
    this.wake();
  }

  close(refusal: Refusal): void {
    if (this.#hasEnded) return;
    this.end();
    if (this.#isOpen)
      this.context.streams.close(this.stream, refusal, { position: this.#position });
    else this.context.streams.refuse(this.stream, refusal);
  }

  /** Greets, and shows what was said last to who has no cursor. */
  async #start(): Promise<Refusal | undefined> {
    const { log, tail } = this.context;
    const { conversationId, cursor } = this.asked;
    if (cursor) {
      if (cursor.epoch !== log.epoch) return refuse('cursor-unknown');
      // A position of another store is refused here, before the first byte.
      await log.readAll({ after: cursor.after, limit: 1 });
      if (cursor.after > (await log.head())) return refuse('cursor-unknown');
      this.#position = cursor.after;
      this.#sendGreeting();
      return undefined;
    }
    this.#position = this.context.recentFrom();
    if (conversationId !== undefined) {
      const { through } = tail;
      const past = await this.context.recentOf(conversationId);
      // What lies beyond comes next as news.
      this.#past = past.filter(({ position }) => position <= through);
      this.#position = through;
    }
    this.#sendGreeting();
    if (this.#past.length === 0) this.#sendCursor();
    return undefined;
  }

  #sendGreeting(): void {
    if (this.#hasEnded) return;
    this.#isOpen = true;
    const greeting = greetingOf(this.asked, new Date());
    this.stream.opened(`data: ${JSON.stringify(greeting)}\n\n`);
  }

  /** The next page, or a pause until there is one. */
  async #sendNext(): Promise<void> {
    if (this.#hasEnded) return;
    const { log, tail, limits } = this.context;
    if (this.#past.length > 0) {
      const page = firstPage(this.#past, limits);
      this.#past = this.#past.slice(page.length);
      await this.#send(page);
      if (this.#past.length === 0) this.#sendCursor();
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
  #sendCursor(): void {
    const { epoch } = this.context.log;
    this.stream.write(Buffer.from(cursorOnly(logCursor(this.#position, epoch))));
    this.#skipped = 0;
  }

  async #send(events: readonly RecordedEvent[]): Promise<void> {
    const { encoder: text, limits } = this.context;
    const page: Buffer[] = [];
    for (const event of events) {
      const block = await text.encode(event, this.asked.conversationId);
      if (block) page.push(block);
      this.#skipped = block ? 0 : this.#skipped + 1;
    }
    if (this.#hasEnded) return;
    const last = events.at(-1)?.position ?? START;
    if (last > this.#position) this.#position = last;
    if (page.length > 0) this.stream.write(Buffer.concat(page));
    if (this.#skipped >= limits.consoleIdleEventsMax) this.#sendCursor();
  }

  #fail(fault: unknown): void {
    if (fault instanceof LogError && fault.code === 'invalid') {
      this.close(refuse('invalid', `last-event-id: ${fault.message}`, 'last-event-id'));
      return;
    }
    const code = codeOfFault(fault);
    if (code === 'internal') this.context.onFault(fault);
    this.close(refuse(code));
  }
}

function greetingOf({ conversationId, greeting: type }: AgentPipeRequest, now: Date): object {
  const timestamp = now.toISOString();
  const isOfAll = conversationId === undefined;
  if (type === 'connected') {
    const what = isOfAll ? 'all events' : `conversation ${conversationId}`;
    return { type, timestamp, message: `Subscribed to ${what}` };
  }
  const what = isOfAll ? 'global event stream' : `conversation ${conversationId}`;
  const data = { conversationId: conversationId ?? null, message: `Connected to ${what}` };
  return { type, timestamp, data };
}

/** As many events, from the first, as are sent at once; at least one. */
function firstPage(
  events: readonly RecordedEvent[],
  { readEventsMax, replayBytesMax }: AgentPipeContext['limits'],
): readonly RecordedEvent[] {
  let bytes = 0;
  const end = events.findIndex((event, nth) => {
    bytes += wireBytes([event]);
    return nth >= readEventsMax || (nth > 0 && bytes > replayBytesMax);
  });
  return end < 0 ? events : events.slice(0, end);
}
