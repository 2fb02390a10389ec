import type pg from 'pg';
import { appendBytesMax, encode } from '../codec.ts';
import {
  LogError,
  START,
  type Append,
  type Appended,
  type EventLog,
  type FollowedBatch,
  type Follower,
  type RecordedEvent,
  type StreamReader,
} from '../event-log.ts';
import { EventVersions, type EventVersion, type EventVersionStore } from '../event-versions.ts';
import { startFollowing } from '../following.ts';
import { numberOf, positionOf } from '../positions.ts';
import { HeadNotifier } from './head-notifier.ts';
import { openPool } from './connect.ts';
import { PostgresFollowSource } from './follow-source.ts';
import type { PostgresLogOptions } from './options.ts';
import { readAll, readHead, readNewest, readLast, readStream } from './reader.ts';
import { PostgresStreamReader } from './stream-reader.ts';
import { Writer } from './writer.ts';

/**
 * Opens the log in a database whose migrations have run. Throws when the database does not answer,
 * holds no log, keeps text in another encoding than UTF-8, or holds events this build cannot read.
 */
export async function openPostgresLog(options: PostgresLogOptions): Promise<EventLog> {
  const side = openPool(options, 1);
  const versions = new EventVersions(versionTable(side), options.warn ?? (() => undefined));
  try {
    const { rows } = await side.query<{ epoch: string; encoding: string }>(
      `select epoch, current_setting('server_encoding') as encoding from log_identity`,
    );
    const [identity] = rows;
    if (!identity) throw new Error('the database holds no log');
    if (identity.encoding !== 'UTF8') {
      throw new Error(`the database must be in UTF8, not ${identity.encoding}`);
    }
    await versions.check();
    return new PostgresLog(identity.epoch, options, side, versions);
  } catch (fault) {
    await side.end();
    throw fault;
  }
}

class PostgresLog implements EventLog {
  readonly streams: StreamReader;
  readonly #writer: Writer;
  readonly #readers: pg.Pool;
  readonly #followers = new Map<Follower, PostgresFollowSource>();
  #closing: Promise<void> | undefined;

  constructor(
    readonly epoch: string,
    private readonly options: PostgresLogOptions,
    private readonly side: pg.Pool,
    versions: EventVersions,
  ) {
    const { notifyIntervalMs, hasOthers = () => true } = options;
    const announcer = new HeadNotifier(side, notifyIntervalMs, hasOthers);
    this.#readers = openPool(options, options.logReadersMax);
    this.streams = new PostgresStreamReader(this.#readers);
    this.#writer = new Writer(options, versions, {
      stored: (head, events) => {
        for (const source of this.#followers.values()) source.stored(head, events);
        announcer.announce(numberOf(head));
      },
      reconnected: () => {
        for (const source of this.#followers.values()) source.distrust();
      },
    });
  }

  async append(append: Append): Promise<Appended> {
    const storable = encode(append, appendBytesMax(append, this.options));
    return this.#writer.append(storable);
  }

  async read(
    stream: string,
    { after, limit, bytesMax = Infinity }: { after: number; limit: number; bytesMax?: number },
  ): Promise<RecordedEvent[]> {
    const page = await answered(readStream(this.#readers, stream, after, { limit, bytesMax }));
    return page.events;
  }

  last(stream: string): Promise<RecordedEvent | undefined> {
    return answered(readLast(this.#readers, stream));
  }

  async readAll({ after, limit }: { after: string; limit: number }): Promise<RecordedEvent[]> {
    const bounds = { limit, bytesMax: this.options.readBytesMax };
    const page = await answered(readAll(this.#readers, numberOf(after), bounds));
    return page.events;
  }

  async head(): Promise<string> {
    const head = await answered(readHead(this.#readers));
    return head === 0 ? START : positionOf(head);
  }

  newest(): Promise<RecordedEvent | undefined> {
    return answered(readNewest(this.#readers));
  }

  follow(after: string, handle: (batch: FollowedBatch) => void | Promise<void>): Follower {
    const source = new PostgresFollowSource(this.options);
    const { retryPauseMaxMs, warn = () => undefined } = this.options;
    const running = startFollowing(source, after, handle, { retryPauseMaxMs, warn });
    const follower: Follower = {
      stop: () => {
        this.#followers.delete(follower);
        return running.stop();
      },
    };
    this.#followers.set(follower, source);
    return follower;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#writer.close();
    await Promise.all([...this.#followers.keys()].map((follower) => follower.stop()));
    await Promise.all([this.#readers.end(), this.side.end()]);
  }
}

/** A read that Postgres did not answer, as the port says it. */
async function answered<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (fault) {
    throw new LogError('unavailable', `Postgres did not answer: ${String(fault)}`);
  }
}

/** The versions of event types in a table beside the log. */
const versionTable = (pool: pg.Pool): EventVersionStore => ({
  async read() {
    return (await pool.query<EventVersion>('select type, v from event_versions')).rows;
  },
  async add({ type, v }) {
    await pool.query(
      'insert into event_versions (type, v) values ($1, $2) on conflict do nothing',
      [type, v],
    );
  },
});
