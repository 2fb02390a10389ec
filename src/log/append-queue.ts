import type { StorableAppend } from './codec.ts';
import { LogError, type Appended } from './event-log.ts';

/** What one batch carries, a larger append going alone, and how much may wait. */
export interface AppendQueueLimits {
  readonly batchEventsMax: number;
  readonly batchBytesMax: number;
  readonly appendQueueMax: number;
  readonly appendQueueBytesMax: number;
}

/** An append that is not answered yet. */
export interface Waiting {
  readonly append: StorableAppend;
  /** When waiting ends, on the monotonic clock. */
  readonly deadline: number;
  readonly resolve: (answer: Appended) => void;
  readonly reject: (reason: LogError) => void;
}

/**
 * Appends that wait, in one line a stream. Batches take the first of each line in turn, so a busy
 * stream does not hold up the others, and no stream has two appends under way: retries keep order.
 */
export class AppendQueue {
  readonly #lines = new Map<string, Waiting[]>();
  /** Streams whose first append may go, next turn first. */
  readonly #ready = new Set<string>();
  /** Oldest first. */
  readonly #unanswered = new Set<Waiting>();
  #bytes = 0;

  constructor(private readonly limits: AppendQueueLimits) {}

  /** False when no more may wait. */
  push(waiting: Waiting): boolean {
    const { appendQueueMax, appendQueueBytesMax } = this.limits;
    const { stream, bytes } = waiting.append;
    if (this.#unanswered.size >= appendQueueMax) return false;
    if (this.#bytes + bytes > appendQueueBytesMax) return false;
    this.#unanswered.add(waiting);
    this.#bytes += bytes;
    const line = this.#lines.get(stream);
    if (line) {
      line.push(waiting);
    } else {
      this.#lines.set(stream, [waiting]);
      this.#ready.add(stream);
    }
    return true;
  }

  /** The next batch, empty when nothing may go. Its streams stand still until `release`. */
  take(): Waiting[] {
    const batch: Waiting[] = [];
    let events = 0;
    let bytes = 0;
    for (const stream of this.#ready) {
      const line = this.#lines.get(stream) ?? [];
      while (line[0] && !this.isUnanswered(line[0])) line.shift();
      const [next] = line;
      if (next) {
        events += next.append.events.length;
        bytes += next.append.bytes;
        const isFull = events > this.limits.batchEventsMax || bytes > this.limits.batchBytesMax;
        if (isFull && batch.length > 0) break;
        batch.push(next);
        line.shift();
      } else {
        this.#lines.delete(stream);
      }
      this.#ready.delete(stream);
    }
    return batch;
  }

  /** The stream of an append that was taken may go on. */
  release({ append: { stream } }: Waiting): void {
    if (this.#lines.get(stream)?.length) this.#ready.add(stream);
    else this.#lines.delete(stream);
  }

  isUnanswered(waiting: Waiting): boolean {
    return this.#unanswered.has(waiting);
  }

  /** Answers an append, unless it has its answer. */
  answer(waiting: Waiting, answer: Appended | LogError): void {
    if (!this.#unanswered.delete(waiting)) return;
    this.#bytes -= waiting.append.bytes;
    if (answer instanceof LogError) waiting.reject(answer);
    else waiting.resolve(answer);
  }

  /** Those whose deadline has passed. */
  expired(now: number): Waiting[] {
    const expired: Waiting[] = [];
    for (const waiting of this.#unanswered) {
      if (waiting.deadline > now) break;
      expired.push(waiting);
    }
    return expired;
  }

  get unanswered(): readonly Waiting[] {
    return [...this.#unanswered];
  }
}
