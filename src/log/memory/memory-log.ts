import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { HeadSignal } from '../wake-up-signal.ts';
import { appendBytesMax, decode, encode, type StorableAppend, type StoredEvent } from '../codec.ts';
import { boundedPage, type PageBounds } from '../pages.ts';
import {
  LogError,
  START,
  type Append,
  type Appended,
  type EventLog,
  type FollowedBatch,
  type Follower,
  type RecordedEvent,
  type StreamRange,
  type StreamReader,
} from '../event-log.ts';
import { startFollowing } from '../following.ts';
import { numberOf, positionOf } from '../positions.ts';

/** Limits of a memory log; sizes in bytes, times in milliseconds. */
export interface MemoryLogOptions {
  readonly appendBytesMax: number;
  readonly wholeSessionBytesMax: number;
  readonly readEventsMax: number;
  readonly readBytesMax: number;
  readonly pollIntervalMs: number;
  readonly retryPauseMaxMs: number;
  readonly warn: (message: string, fault: unknown) => void;
}

const defaults: MemoryLogOptions = {
  appendBytesMax: 900 * 1024,
  wholeSessionBytesMax: 24 * 1024 * 1024,
  readEventsMax: 1_000,
  readBytesMax: 4 * 1024 * 1024,
  pollIntervalMs: 200,
  retryPauseMaxMs: 1_000,
  warn: () => undefined,
};

/** A log that lives as long as the process, for tests of what stands on a log. */
export const openMemoryLog = (options: Partial<MemoryLogOptions> = {}): EventLog =>
  new MemoryLog({ ...defaults, ...options });

class MemoryLog implements EventLog {
  readonly epoch = randomUUID();
  readonly #events: StoredEvent[] = [];
  readonly #streams = new Map<string, StoredEvent[]>();
  readonly #followers = new Map<Follower, HeadSignal>();
  #closed = false;

  readonly streams: StreamReader = {
    split: async (range, parts) => {
      const names = this.#names(range);
      const size = Math.max(1, Math.ceil(names.length / parts));
      return names.filter((_, nth) => nth > 0 && nth % size === 0);
    },
    read: (range) => this.#readStreams(range),
  };

  constructor(private readonly options: MemoryLogOptions) {}

  async append(append: Append): Promise<Appended> {
    const storable = encode(append, appendBytesMax(append, this.options));
    // As with a real store others get their turn, however busily somebody appends.
    await turn();
    if (this.#closed) throw new LogError('unavailable', 'the log is closed');
    const { stream, expected, events } = storable;
    const line = this.#streams.get(stream) ?? [];
    const last = line.length - 1;
    if (expected !== 'any' && expected !== last) return repeatOf(storable, line);
    for (const event of events) {
      const position = positionOf(this.#events.length + 1);
      const stored = { ...event, stream, revision: line.length, position };
      line.push(stored);
      this.#events.push(stored);
    }
    this.#streams.set(stream, line);
    const position = await this.head();
    for (const headSignal of this.#followers.values()) headSignal.reached(position);
    return { revision: last + events.length, position, repeated: false };
  }

  async read(
    stream: string,
    { after, limit, bytesMax = Infinity }: { after: number; limit: number; bytesMax?: number },
  ): Promise<RecordedEvent[]> {
    return page(this.#streams.get(stream) ?? [], after + 1, { limit, bytesMax });
  }

  async last(stream: string): Promise<RecordedEvent | undefined> {
    const last = this.#streams.get(stream)?.at(-1);
    return last && decode(last);
  }

  async readAll({ after, limit }: { after: string; limit: number }): Promise<RecordedEvent[]> {
    return page(this.#events, numberOf(after), { limit, bytesMax: this.options.readBytesMax });
  }

  async head(): Promise<string> {
    return this.#events.at(-1)?.position ?? START;
  }

  async newest(): Promise<RecordedEvent | undefined> {
    const newest = this.#events.at(-1);
    return newest && decode(newest);
  }

  follow(after: string, handle: (batch: FollowedBatch) => void | Promise<void>): Follower {
    const headSignal = new HeadSignal();
    const { readEventsMax: limit, pollIntervalMs } = this.options;
    const source = {
      read: async (through: string) => {
        await turn();
        const events = await this.readAll({ after: through, limit });
        return { events, caughtUp: (events.at(-1)?.position ?? through) >= (await this.head()) };
      },
      news: (through: string, signal: AbortSignal) =>
        headSignal.wait(through, pollIntervalMs, signal),
      stop: async () => undefined,
    };
    const running = startFollowing(source, after, handle, this.options);
    const follower: Follower = {
      stop: () => {
        this.#followers.delete(follower);
        return running.stop();
      },
    };
    this.#followers.set(follower, headSignal);
    return follower;
  }

  #names({ after, until }: Pick<StreamRange, 'after' | 'until'>): string[] {
    const inBytes = (a: string, b: string): number =>
      Buffer.compare(Buffer.from(a), Buffer.from(b));
    return [...this.#streams.keys()]
      .filter((name) => inBytes(name, after) > 0 && inBytes(name, until) <= 0)
      .sort(inBytes);
  }

  async *#readStreams(range: StreamRange): AsyncGenerator<readonly RecordedEvent[]> {
    for (const name of this.#names(range)) {
      const stream = this.#streams.get(name) ?? [];
      const due = stream.filter(({ position }) => position <= range.through);
      for (let from = 0; from < due.length;) {
        await turn();
        const events = page(due, from, range);
        yield events;
        from += events.length;
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#followers.keys()].map((follower) => follower.stop()));
  }
}

/** The original answer when the very events follow the expected revision already. */
function repeatOf({ expected, events }: StorableAppend, line: readonly StoredEvent[]): Appended {
  const first = Number(expected) + 1;
  const there = line.slice(first, first + events.length);
  const last = there.at(-1);
  if (last && events.every(({ id }, index) => there[index]?.id === id)) {
    return { revision: last.revision, position: last.position, repeated: true };
  }
  throw new LogError('conflict', `the stream is at revision ${line.length - 1}, not ${expected}`);
}

function page(events: readonly StoredEvent[], from: number, bounds: PageBounds): RecordedEvent[] {
  return boundedPage(events.slice(from, from + bounds.limit), bounds).map(decode);
}
