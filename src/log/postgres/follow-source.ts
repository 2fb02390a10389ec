import type pg from 'pg';
import { HeadSignal } from '../wake-up-signal.ts';
import { decode, type StoredEvent } from '../codec.ts';
import type { RecordedEvent } from '../event-log.ts';
import type { FollowSource } from '../following.ts';
import { numberOf, positionOf } from '../positions.ts';
import { connectFollower, cut } from './connect.ts';
import { CommittedEvents } from './committed-events.ts';
import type { PostgresLogOptions } from './options.ts';
import { readAll, readId } from './reader.ts';

/**
 * A follower's own connection: it listens and reads on it, and makes a new one when it is cut. What
 * this process has committed right after the last event is not read but taken as it was stored.
 */
export class PostgresFollowSource implements FollowSource {
  readonly #headSignal = new HeadSignal();
  readonly #fresh: CommittedEvents;
  #client: pg.Client | undefined;
  #isStopped = false;
  #isDoubtful = false;
  /** Of the last event that was read, to recognise the log after a new connection. */
  #lastId: string | undefined;

  constructor(private readonly options: PostgresLogOptions) {
    this.#fresh = new CommittedEvents(options.readBytesMax);
  }

  /** This process has committed events up to here, and these are the last of them. */
  stored(head: string, events: readonly StoredEvent[]): void {
    this.#fresh.offer(events);
    this.#headSignal.reached(head);
  }

  /** A connection was lost: the log may be another one when it is read next. */
  distrust(): void {
    this.#fresh.clear();
    this.#isDoubtful = true;
  }

  async read(after: string) {
    try {
      const from = numberOf(after);
      if (this.#isDoubtful) this.#drop();
      const bounds = { limit: this.options.readEventsMax, bytesMax: this.options.readBytesMax };
      // Only on from what a living connection has recognised: see `#recognise`.
      const fresh = this.#client && this.#fresh.after(from, bounds);
      const { events, isLast } = fresh
        ? { events: fresh.events.map(decode), isLast: fresh.isLast }
        : await readAll((this.#client ??= await this.#connect(from)), from, bounds);
      this.#check(from, events);
      return { events, caughtUp: isLast };
    } catch (fault) {
      this.#drop();
      throw fault;
    }
  }

  #check(from: number, events: readonly RecordedEvent[]): void {
    events.forEach(({ position }, index) => {
      if (numberOf(position) === from + index + 1) return;
      throw new Error(`the log has a gap: ${position} follows ${from + index}`);
    });
    this.#lastId = events.at(-1)?.id ?? this.#lastId;
  }

  news(after: string, signal: AbortSignal): Promise<void> {
    return this.#headSignal.wait(after, this.options.pollIntervalMs, signal);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#drop();
  }

  #drop(): void {
    this.#isDoubtful = false;
    if (this.#client) cut(this.#client);
    this.#client = undefined;
  }

  async #connect(from: number): Promise<pg.Client> {
    const client = await connectFollower(this.options);
    client.on('notification', ({ payload }) => this.#headSignal.reached(positionOf(payload ?? '')));
    try {
      if (this.#isStopped) throw new Error('the follower is stopped');
      await this.#recognise(client, from);
      return client;
    } catch (fault) {
      cut(client);
      throw fault;
    }
  }

  /** A log that was restored from an older copy holds other events at the same positions. */
  async #recognise(client: pg.Client, from: number): Promise<void> {
    if (from === 0) return;
    const id = await readId(client, from);
    if (id !== undefined && id === (this.#lastId ?? id)) return;
    throw new Error(`the log does not hold the event at position ${from} that was read before`);
  }
}
