import type pg from 'pg';
import { Bell } from '../bell.ts';
import type { FollowSource } from '../following.ts';
import { numberOf, positionOf } from '../positions.ts';
import { connectFollower, cut } from './connect.ts';
import type { PostgresLogOptions } from './options.ts';
import { readAll, readId } from './reader.ts';

/** A follower's own connection: it listens and reads on it, and makes a new one when it is cut. */
export class PostgresFollowSource implements FollowSource {
  readonly #bell = new Bell();
  #client: pg.Client | undefined;
  #isStopped = false;
  /** Of the last event that was read, to recognise the log after a new connection. */
  #lastId: string | undefined;

  constructor(private readonly options: PostgresLogOptions) {}

  /** This process has stored events up to here. */
  ring(head: string): void {
    this.#bell.ring(head);
  }

  async read(after: string) {
    try {
      return await this.#readPage(numberOf(after));
    } catch (fault) {
      this.#drop();
      throw fault;
    }
  }

  async #readPage(from: number) {
    const client = (this.#client ??= await this.#connect(from));
    const { readEventsMax: limit, readBytesMax: bytesMax } = this.options;
    const { events, isLast } = await readAll(client, from, { limit, bytesMax });
    events.forEach(({ position }, index) => {
      if (numberOf(position) === from + index + 1) return;
      throw new Error(`the log has a hole: ${position} follows ${from + index}`);
    });
    this.#lastId = events.at(-1)?.id ?? this.#lastId;
    return { events, caughtUp: isLast };
  }

  news(after: string, signal: AbortSignal): Promise<void> {
    return this.#bell.wait(after, this.options.pollEveryMs, signal);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#drop();
  }

  #drop(): void {
    if (this.#client) cut(this.#client);
    this.#client = undefined;
  }

  async #connect(from: number): Promise<pg.Client> {
    const client = await connectFollower(this.options);
    client.on('notification', ({ payload }) => this.#bell.ring(positionOf(payload ?? '')));
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
