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
} from '../event-log.ts';
import { EventVersions } from '../event-versions.ts';
import { startFollowing } from '../following.ts';
import { connectTo, type Connect } from './client.ts';
import { ReplaceableClient } from './replaceable-client.ts';
import { unavailable, refusalOf, catchUncaughtErrors } from './errors.ts';
import { EventStoreFollowSource } from './follow-source.ts';
import { LogHead } from './log-head.ts';
import { Heartbeat, identify } from './own-streams.ts';
import { versionStream } from './version-stream.ts';
import { StreamNames } from './mapping.ts';
import type { EventStoreLogOptions } from './options.ts';
import { readAll, readAt, readLast, readStream, type ReaderParts } from './reader.ts';
import { Writer } from './writer.ts';

/**
 * Opens the log on a server of EventStoreDB, which is given what makes it a log when it has not.
 * Throws when the server does not answer, holds no longer what it was given first, or holds events
 * that this build cannot read.
 */
export async function openEventStoreLog(
  options: EventStoreLogOptions,
  connect: Connect = connectTo(options.connectionString),
): Promise<EventLog> {
  const names = new StreamNames(options.streamPrefix ?? '');
  const warn = options.warn ?? (() => undefined);
  const current = new ReplaceableClient(connect, { answerMs: options.answerMs, warn });
  const release = catchUncaughtErrors((fault) => current.breakDown(fault));
  const close = async (): Promise<void> => {
    await current.close();
    release();
  };
  try {
    const identity = await identify(current, names, options.answerMs);
    const reader = { current, names, answerMs: options.answerMs, origin: identity.origin };
    const head = new LogHead(reader);
    const bounds = { limit: options.readEventsMax, bytesMax: options.readBytesMax };
    const versions = new EventVersions(versionStream(reader, bounds, warn), warn);
    await Promise.all([head.find(), versions.check()]);
    const parts = { current, names, reader, head, versions, close };
    return new EventStoreLog(identity.epoch, parts, options);
  } catch (fault) {
    await close();
    throw fault;
  }
}

interface Parts {
  readonly current: ReplaceableClient;
  readonly names: StreamNames;
  readonly reader: ReaderParts;
  readonly head: LogHead;
  readonly versions: EventVersions;
  readonly close: () => Promise<void>;
}

/** So many deleted streams are remembered for readiness. */
const DELETED_NOTED_MAX = 100;

class EventStoreLog implements EventLog {
  readonly deletedStreams = new Set<string>();
  readonly #writer: Writer;
  readonly #heartbeat: Heartbeat;
  readonly #followers = new Set<Follower>();
  #closing: Promise<void> | undefined;

  constructor(
    readonly epoch: string,
    private readonly parts: Parts,
    private readonly options: EventStoreLogOptions,
  ) {
    this.#writer = new Writer(parts, options);
    this.#heartbeat = new Heartbeat(parts);
  }

  async append(append: Append): Promise<Appended> {
    const storable = encode(append, appendBytesMax(append, this.options));
    return this.#writer
      .append(storable)
      .catch((fault: unknown) => this.#noteDeleted(append.stream, fault));
  }

  read(
    stream: string,
    { after, limit, bytesMax = Infinity }: { after: number; limit: number; bytesMax?: number },
  ): Promise<RecordedEvent[]> {
    const reading = readStream(this.parts.reader, stream, after, { limit, bytesMax });
    return answered(reading).catch((fault: unknown) => this.#noteDeleted(stream, fault));
  }

  last(stream: string): Promise<RecordedEvent | undefined> {
    const reading = readLast(this.parts.reader, stream);
    return answered(reading).catch((fault: unknown) => this.#noteDeleted(stream, fault));
  }

  readAll({ after, limit }: { after: string; limit: number }): Promise<RecordedEvent[]> {
    const bounds = { limit, bytesMax: this.options.readBytesMax };
    return answered(readAll(this.parts.reader, after, bounds));
  }

  head(): Promise<string> {
    return answered(this.parts.head.find());
  }

  async newest(): Promise<RecordedEvent | undefined> {
    const head = await this.head();
    return head === START ? undefined : answered(readAt(this.parts.reader, head));
  }

  follow(after: string, handle: (batch: FollowedBatch) => void | Promise<void>): Follower {
    const { reader, head } = this.parts;
    const beat = (): void => this.#heartbeat.beat();
    const source = new EventStoreFollowSource({ reader, head, beat }, this.options);
    const { retryPauseMaxMs, warn = () => undefined } = this.options;
    const running = startFollowing(source, after, handle, { retryPauseMaxMs, warn });
    const follower: Follower = {
      stop: () => {
        this.#followers.delete(follower);
        return running.stop();
      },
    };
    this.#followers.add(follower);
    return follower;
  }

  /** Remembers a deleted stream for the operator, and throws on. */
  #noteDeleted(stream: string, fault: unknown): never {
    const isDeleted = fault instanceof LogError && fault.code === 'deleted';
    if (isDeleted && this.deletedStreams.size < DELETED_NOTED_MAX) this.deletedStreams.add(stream);
    throw fault;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#writer.close();
    await Promise.all([...this.#followers].map((follower) => follower.stop()));
    await this.parts.close();
    await this.#writer.ended();
  }
}

/** A read that the server did not answer, as the port says it. */
async function answered<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (fault) {
    throw fault instanceof LogError ? fault : (refusalOf(fault) ?? unavailable(fault));
  }
}
