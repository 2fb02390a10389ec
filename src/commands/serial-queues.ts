/** How much may wait. Counts are items, bytes what their senders say. */
export interface QueueLimits {
  readonly perKeyMax: number;
  readonly totalMax: number;
  readonly bytesMax: number;
  /** Items worked on together. */
  readonly batchMax: number;
}

/**
 * One queue per key: batches of one key run one after another, those of different keys at once.
 * `work` must not throw.
 */
export class SerialQueues<Item extends { readonly bytes: number }> {
  readonly #queues = new Map<string, Item[]>();
  readonly #running = new Set<Promise<void>>();
  #waiting = 0;
  #bytes = 0;

  constructor(
    private readonly work: (key: string, batch: readonly Item[]) => Promise<void>,
    private readonly limits: QueueLimits,
  ) {}

  /** Items taken and not done yet. */
  get waiting(): number {
    return this.#waiting;
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Takes the item, or answers false when no more may wait. */
  push(key: string, item: Item): boolean {
    const queue = this.#queues.get(key);
    const { perKeyMax, totalMax, bytesMax } = this.limits;
    if (
      (queue?.length ?? 0) >= perKeyMax ||
      this.#waiting >= totalMax ||
      this.#bytes + item.bytes > bytesMax
    ) {
      return false;
    }
    this.#waiting += 1;
    this.#bytes += item.bytes;
    if (queue) queue.push(item);
    else this.#start(key, [item]);
    return true;
  }

  /** Resolves when everything taken so far, and what comes meanwhile, is done. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #start(key: string, queue: Item[]): void {
    this.#queues.set(key, queue);
    const running = this.#drain(key, queue);
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  async #drain(key: string, queue: Item[]): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.splice(0, this.limits.batchMax);
      await this.work(key, batch);
      this.#waiting -= batch.length;
      for (const item of batch) this.#bytes -= item.bytes;
    }
    this.#queues.delete(key);
  }
}
