import { LRUCache } from 'lru-cache';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import type { Tail } from '../../log/tail.ts';

/** How many pages are kept at most: those of a stream are searched one by one. */
const KEPT_MAX = 1_000;

/** Bounds of one read: events, and bytes of the log beyond the first event. */
export interface ReadLimits {
  readonly limit: number;
  readonly bytesMax: number;
}

/** Events right after a revision; when empty, there were none when the tail was at `asOf`. */
export interface SharedRead {
  readonly events: readonly RecordedEvent[];
  readonly asOf: string;
}

interface RunningRead {
  readonly after: number;
  readonly limit: number;
  readonly read: Promise<SharedRead>;
}

/**
 * Reads of the log that are shared by viewers who want the same pages, as all viewers of a session
 * do after a restart. A page that was read is kept for a while. Who asks during a read that may
 * include the wanted page waits for that read. Events of a stream never change, so what is kept is
 * never wrong.
 */
export class SharedReads {
  readonly #kept: LRUCache<string, readonly RecordedEvent[]>;
  /** By stream: the first revision of each page that is kept. */
  readonly #firstRevisions = new Map<string, Set<number>>();
  readonly #running = new Map<string, Set<RunningRead>>();
  readonly #lastRunning = new Map<string, Promise<unknown>>();
  readonly #lastWaiting = new Map<string, Promise<RecordedEvent | undefined>>();

  /** `bytesMax` bounds the events kept. */
  constructor(
    private readonly log: EventLog,
    private readonly tail: Tail,
    bytesMax: number,
  ) {
    this.#kept = new LRUCache({
      max: KEPT_MAX,
      maxSize: bytesMax,
      sizeCalculation: (events) => events.reduce((sum, { bytes }) => sum + bytes, 1),
      dispose: ([first]) => this.#forget(first),
    });
  }

  /** Events of a stream after a revision: at least one, if there is one. */
  async after(stream: string, revision: number, limits: ReadLimits): Promise<SharedRead> {
    const kept = this.#find(stream, revision);
    if (kept) return { events: kept, asOf: this.tail.through };
    const running = [...(this.#running.get(stream) ?? [])].find(
      ({ after, limit }) => after <= revision && revision < after + limit,
    );
    if (!running) return this.#read(stream, revision, limits);
    const { events, asOf } = await running.read;
    const remainder = events.slice(revision - running.after);
    if (remainder.length > 0 || revision === running.after) return { events: remainder, asOf };
    // The read did not reach that far. The first to ask again reads, the others wait for that read.
    return this.after(stream, revision, limits);
  }

  /** The stream's last event, as of a moment not before the call. */
  last(stream: string): Promise<RecordedEvent | undefined> {
    const waiting = this.#lastWaiting.get(stream);
    if (waiting) return waiting;
    const ask = (): Promise<RecordedEvent | undefined> => {
      this.#lastWaiting.delete(stream);
      const asked = this.log.last(stream);
      const clear = (): void => {
        if (this.#lastRunning.get(stream) === settled) this.#lastRunning.delete(stream);
      };
      const settled = asked.then(clear, clear);
      this.#lastRunning.set(stream, settled);
      return asked;
    };
    // A read that runs already may be older than the call, so the next one is shared.
    const running = this.#lastRunning.get(stream);
    if (!running) return ask();
    const next = running.then(ask);
    this.#lastWaiting.set(stream, next);
    return next;
  }

  async #read(stream: string, after: number, limits: ReadLimits): Promise<SharedRead> {
    // What the tail has handed over was committed before the read begins, so the read sees it.
    const asOf = this.tail.through;
    const read = this.log.read(stream, { after, ...limits }).then((events) => ({ events, asOf }));
    const running = { after, limit: limits.limit, read };
    const all = this.#running.get(stream) ?? new Set();
    this.#running.set(stream, all.add(running));
    try {
      const { events } = await read;
      this.#keep(stream, events);
      return await read;
    } finally {
      all.delete(running);
      if (all.size === 0) this.#running.delete(stream);
    }
  }

  #find(stream: string, revision: number): readonly RecordedEvent[] | undefined {
    for (const first of this.#firstRevisions.get(stream) ?? []) {
      if (first > revision + 1) continue;
      const events = this.#kept.get(keyOf(stream, first)) ?? [];
      if (first + events.length > revision + 1) return events.slice(revision + 1 - first);
    }
    return undefined;
  }

  #keep(stream: string, events: readonly RecordedEvent[]): void {
    const [first] = events;
    if (!first) return;
    this.#kept.set(keyOf(stream, first.revision), events);
    if (!this.#kept.has(keyOf(stream, first.revision))) return;
    this.#firstRevisions.set(
      stream,
      (this.#firstRevisions.get(stream) ?? new Set()).add(first.revision),
    );
  }

  #forget(first: RecordedEvent | undefined): void {
    if (!first) return;
    const revisions = this.#firstRevisions.get(first.stream);
    revisions?.delete(first.revision);
    if (revisions?.size === 0) this.#firstRevisions.delete(first.stream);
  }
}

const keyOf = (stream: string, revision: number): string => `${revision} ${stream}`;
