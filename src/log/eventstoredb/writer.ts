import { setMaxListeners } from 'node:events';
import { AppendQueue, type Waiting } from '../append-queue.ts';
import type { StorableAppend } from '../codec.ts';
import { LogError, NO_STREAM, type Appended } from '../event-log.ts';
import type { EventVersions } from '../event-versions.ts';
import { backoff } from '../backoff.ts';
import type { ServerAnswer, ServerEvent } from './client.ts';
import type { ReplaceableClient } from './replaceable-client.ts';
import { toServer, type StreamNames, positionOf } from './mapping.ts';
import { isConflict, refusalOf } from './errors.ts';
import type { LogHead } from './log-head.ts';
import type { EventStoreLogOptions } from './options.ts';
import { readStream, type ReaderParts } from './reader.ts';

const SWEEP_EVERY_MS = 100;

/** Where the last event of an append was found or put. */
type Stored = Pick<Appended, 'revision' | 'position'>;

interface Parts {
  readonly current: ReplaceableClient;
  readonly names: StreamNames;
  readonly reader: ReaderParts;
  readonly head: LogHead;
  readonly versions: EventVersions;
}

/**
 * Carries appends to the server, many at once but one a stream. When it is not known whether one
 * took effect the stream is read; the same ids with the same expectation are sent again only when
 * they are not there. One that expects any revision would be stored twice, so it is answered
 * `unavailable`.
 */
export class Writer {
  readonly #queue: AppendQueue;
  readonly #underWay = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #sweep: NodeJS.Timeout;
  #isFillDue = false;

  constructor(
    private readonly parts: Parts,
    private readonly options: EventStoreLogOptions,
  ) {
    // Each append that pauses listens; they are as many as may be under way.
    setMaxListeners(0, this.#closing.signal);
    // The server gathers what it is sent into batches by itself.
    this.#queue = new AppendQueue({ ...options, batchEventsMax: 1, batchBytesMax: 1 });
    this.#sweep = setInterval(() => {
      this.#giveUp(this.#queue.expired(performance.now()), 'EventStoreDB did not answer in time');
    }, SWEEP_EVERY_MS).unref();
  }

  append(append: StorableAppend): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + this.options.appendDeadlineMs;
      if (this.#closing.signal.aborted) {
        reject(new LogError('unavailable', 'the log is closed'));
      } else if (this.#queue.push({ append, deadline, resolve, reject })) {
        this.#fillSoon();
      } else {
        reject(new LogError('overloaded', 'too many appends wait'));
      }
    });
  }

  /** Answers what waits. What is under way ends when the client is closed. */
  close(): void {
    this.#closing.abort();
    clearInterval(this.#sweep);
    this.#giveUp(this.#queue.unanswered, 'the log is closed');
  }

  /** Resolves when nothing is under way any more. */
  async ended(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #giveUp(waiting: readonly Waiting[], why: string): void {
    for (const one of waiting) this.#queue.answer(one, new LogError('unavailable', why));
  }

  #fillSoon(): void {
    if (this.#isFillDue) return;
    this.#isFillDue = true;
    setImmediate(() => {
      this.#isFillDue = false;
      this.#fill();
    });
  }

  #fill(): void {
    while (this.#underWay.size < this.options.appendsInFlightMax) {
      const [waiting] = this.#queue.take();
      if (!waiting) return;
      const delivery = this.#deliver(waiting).then(() => {
        this.#queue.release(waiting);
        this.#underWay.delete(delivery);
        this.#fillSoon();
      });
      this.#underWay.add(delivery);
    }
  }

  /** Returns when the append has its answer. Does not throw. */
  async #deliver(waiting: Waiting): Promise<void> {
    const { append } = waiting;
    // Whatever lies up to here was there before this append was sent for the first time. What
    // another node stored a moment ago may lie beyond, and is then taken for stored just now.
    const before = this.parts.head.known;
    for (let attempt = 0; this.#queue.isUnanswered(waiting); attempt += 1) {
      const answer = await this.#attempt(append).catch((fault: unknown) => outcomeOf(fault));
      if (answer instanceof LogError) return this.#queue.answer(waiting, answer);
      if (answer) {
        this.parts.head.reach(answer.position);
        return this.#queue.answer(waiting, { ...answer, repeated: answer.position <= before });
      }
      if (append.expected === 'any') {
        return this.#giveUp([waiting], 'it is not known whether the events were stored');
      }
      await backoff(attempt, this.options.retryPauseMaxMs, this.#closing.signal);
    }
  }

  /** Where the events are now, or `undefined` when that is not known. */
  async #attempt(append: StorableAppend): Promise<Stored | undefined> {
    const name = this.parts.names.toServer(append.stream);
    const events = toServer(append);
    const noting = this.parts.versions.note(append.events);
    if (noting) await noting;
    let isTaken = false;
    try {
      const answer = await this.#send(name, append.expected, events);
      const stored = storedBy(append, answer);
      if (stored) return stored;
      isTaken = !answer.success;
    } catch (fault) {
      const refusal = refusalOf(fault);
      if (refusal) throw refusal;
      isTaken = isConflict(fault);
    }
    return this.#findStored(append, isTaken);
  }

  #send(name: string, expected: number | 'any', events: ServerEvent[]): Promise<ServerAnswer> {
    return this.parts.current.ask('append', (client) =>
      client.appendToStream(name, events, { expectedRevision: revisionOf(expected) }),
    );
  }

  /** Looks for the events where they belong; other events there, or `isTaken`, are a conflict. */
  async #findStored(append: StorableAppend, isTaken: boolean): Promise<Stored | undefined> {
    const { stream, expected, events } = append;
    if (expected === 'any') return undefined;
    const limit = events.length;
    const bounds = { limit, bytesMax: Infinity };
    const there = await readStream(this.parts.reader, stream, expected, bounds);
    const last = there.at(-1);
    if (last && events.every(({ id }, index) => there[index]?.id === id)) {
      return { revision: last.revision, position: last.position };
    }
    if (last || isTaken) {
      throw new LogError('conflict', `${stream} is not at revision ${expected}`);
    }
    return undefined;
  }
}

const revisionOf = (expected: number | 'any') => {
  if (expected === 'any') return 'any';
  return expected === NO_STREAM ? 'no_stream' : BigInt(expected);
};

/** Trusts an answer only when it says where the events are, and that is where they belong. */
function storedBy({ expected, events }: StorableAppend, answer: ServerAnswer): Stored | undefined {
  if (!answer.success || !answer.position) return undefined;
  const revision = Number(answer.nextExpectedRevision);
  if (expected !== 'any' && revision !== expected + events.length) return undefined;
  return { revision, position: positionOf(answer.position) };
}

/** What an attempt that failed says of the append: an answer to it, or nothing. */
const outcomeOf = (fault: unknown): LogError | undefined =>
  fault instanceof LogError && fault.code !== 'unavailable' ? fault : undefined;
