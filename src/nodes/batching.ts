/** Sizes in bytes. */
export interface MessageBatchLimits {
  /** What one payload may hold. */
  readonly payloadBytesMax: number;
  /** What may wait to be taken. */
  readonly pendingBytesMax: number;
}

/** Gathers messages until they are taken, as few payloads as hold them, each numbered. */
export class MessageBatch {
  readonly #begin: string;
  readonly #messageBytesMax: number;
  #waiting: { readonly text: string; readonly bytes: number }[] = [];
  #bytes = 0;
  #nth = 0;

  /** `from` is the name of the node, as its payloads bear it. */
  constructor(
    from: string,
    private readonly limits: MessageBatchLimits,
  ) {
    this.#begin = `{"from":${JSON.stringify(from)},"nth":`;
    const around = this.#payload([], Number.MAX_SAFE_INTEGER, true);
    this.#messageBytesMax = limits.payloadBytesMax - Buffer.byteLength(around);
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** False when the message is dropped: it fits no payload, or too much waits. */
  add(message: object): boolean {
    const text = JSON.stringify(message);
    // With the comma before it.
    const bytes = Buffer.byteLength(text) + 1;
    if (bytes > this.#messageBytesMax) return false;
    if (this.#bytes + bytes > this.limits.pendingBytesMax) return false;
    this.#waiting.push({ text, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** What waits, as payloads; one without messages when nothing does. */
  take(isLast = false): string[] {
    const packets: string[][] = [[]];
    let bytes = 0;
    for (const message of this.#drain()) {
      bytes += message.bytes;
      if (bytes > this.#messageBytesMax) {
        packets.push([]);
        bytes = message.bytes;
      }
      packets.at(-1)?.push(message.text);
    }
    return packets.map((texts, at) =>
      this.#payload(texts, (this.#nth += 1), isLast && at === packets.length - 1),
    );
  }

  /** Forgets what waits; others notice that a number is left out. */
  drop(): void {
    if (this.#drain().length > 0) this.#nth += 1;
  }

  #drain() {
    this.#bytes = 0;
    return this.#waiting.splice(0);
  }

  #payload(texts: readonly string[], nth: number, isLast: boolean): string {
    return `${this.#begin}${nth},"messages":[${texts.join(',')}]${isLast ? ',"bye":true' : ''}}`;
  }
}
