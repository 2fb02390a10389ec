import type { Socket } from 'socket.io';

type Connection = Socket['conn'];

/** How much may wait, in bytes. */
export interface WriteBufferLimits {
  /** Bytes that may wait for one connection. */
  readonly viewerBytesMax: number;
  /** Replays go on once no more than this waits. */
  readonly replayBytesMax: number;
}

/**
 * Counts what waits to leave on one connection. It is handed to the kernel when the *transport*
 * drains; the connection's own `drain` only says that it was given to the transport.
 */
export class WriteBuffer {
  /** Not given to the transport yet, which takes a batch at a time. */
  #queued = 0;
  #inTransport = 0;
  #isClosed = false;
  #lastTurn: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;

  constructor(
    connection: Connection,
    private readonly limits: WriteBufferLimits,
  ) {
    connection.on('packetCreate', ({ data }: { data?: string | Buffer }) => {
      this.#queued += data?.length ?? 0;
    });
    connection.on('flush', () => {
      this.#inTransport += this.#queued;
      this.#queued = 0;
    });
    const watch = (transport: Connection['transport']): void => {
      this.#inTransport = 0;
      transport.on('drain', () => {
        this.#inTransport = 0;
        this.#wakeUp();
      });
    };
    connection.on('upgrade', watch);
    watch(connection.transport);
  }

  /** Bytes that wait; characters beyond ASCII count as one, as the text is held in memory. */
  get pending(): number {
    return this.#queued + this.#inTransport;
  }

  /** So much waits that the other side cannot be reading; answers alone do not get there. */
  get isOverflowing(): boolean {
    return this.pending > 2 * this.limits.viewerBytesMax;
  }

  /** More waits than replays go on with: such a client is not sent what it can do without. */
  get isBehind(): boolean {
    return this.pending > this.limits.replayBytesMax;
  }

  /** Whether as many more bytes may wait; when nothing waits any number may. */
  hasRoomFor(bytes: number): boolean {
    return this.pending === 0 || this.pending + bytes <= this.limits.viewerBytesMax;
  }

  /** Runs one piece of work at a time, in order, each once what was sent before has left. */
  whenDrained(work: () => Promise<void> | void): Promise<void> {
    const turn = this.#lastTurn.then(() => this.#drained()).then(work);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  /** The connection is gone: nobody waits for it any more. */
  close(): void {
    this.#isClosed = true;
    this.#queued = 0;
    this.#inTransport = 0;
    this.#wakeUp();
  }

  async #drained(): Promise<void> {
    while (!this.#isClosed && this.isBehind) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
