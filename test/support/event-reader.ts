import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/** One block of `text/event-stream` that dispatches an event. */
export interface Block {
  /** `message` when it has no name. */
  readonly event: string;
  /** The last id there was, of this block or of one before it. */
  readonly id: string;
  readonly data: unknown;
}

export interface ReaderOptions {
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly lastEventId?: string | undefined;
}

/**
 * Reads a stream as `EventSource` does, but for coming back: data, names, ids and `retry` are taken
 * by the rules of the standard, and a block that was cut off counts for nothing.
 */
export class EventReader {
  readonly blocks: Block[] = [];
  /** Lines that are comments. */
  comments = 0;
  retryMs: number | undefined;
  lastEventId: string;
  isOver = false;
  /** Everything as it came. */
  raw = '';
  #rest = '';
  #wake: () => void = () => undefined;

  private constructor(
    readonly response: IncomingMessage,
    lastEventId: string,
  ) {
    this.lastEventId = lastEventId;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#take(text));
    response.on('error', () => undefined);
    response.on('close', () => {
      this.isOver = true;
      this.#wake();
    });
  }

  /** Resolves once there is an answer; throws for one that is no stream. */
  static async open(url: string, options: ReaderOptions = {}): Promise<EventReader> {
    const { key, headers, lastEventId } = options;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const about = {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        ...headers,
      };
      request(url, { agent: false, headers: about }, resolve).on('error', reject).end();
    });
    if (response.statusCode !== 200) {
      throw new Error(`${response.statusCode} ${await text(response)}`);
    }
    return new EventReader(response, lastEventId ?? '');
  }

  /** Data of the blocks with a name. */
  named<Data>(name: string): Data[] {
    return this.blocks.filter(({ event }) => event === name).map(({ data }) => data as Data);
  }

  /** Data of what `onmessage` gets. */
  messages<Data = { revision: number; id: string }>(): Data[] {
    return this.named('message');
  }

  /** Resolves when it holds; throws when the stream is over before, or after 20 s. */
  async until(holds: () => boolean): Promise<void> {
    const deadline = setTimeout(() => this.#wake(), 20_000);
    const begin = Date.now();
    while (!holds()) {
      if (this.isOver || Date.now() - begin > 19_999) {
        throw new Error(`${this.isOver ? 'over' : 'waited'} with ${this.raw.slice(-500)}`);
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    clearTimeout(deadline);
  }

  async over(): Promise<void> {
    while (!this.isOver) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Takes nothing from the connection any more. */
  pause(): void {
    this.response.socket.pause();
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
    this.response.socket.resume();
  }

  close(): void {
    this.response.destroy();
  }

  #take(text: string): void {
    this.raw = (this.raw + text).slice(-100_000);
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) this.#dispatch(block.split('\n'));
    this.#wake();
  }

  #dispatch(lines: readonly string[]): void {
    let event = 'message';
    const data: string[] = [];
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (name === '') this.comments += 1;
      else if (name === 'id') this.lastEventId = value;
      else if (name === 'event') event = value;
      else if (name === 'data') data.push(value);
      else if (name === 'retry') this.retryMs = Number(value);
      else throw new Error(`no such field: ${line}`);
    }
    if (data.length === 0) return;
    const read = JSON.parse(data.join('\n')) as unknown;
    this.blocks.push({ event, id: this.lastEventId, data: read });
  }
}
