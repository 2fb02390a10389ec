import pg from 'pg';
import { AppendQueue, type Waiting } from '../append-queue.ts';
import type { StorableAppend, StoredEvent } from '../codec.ts';
import { LogError, START, type Appended } from '../event-log.ts';
import type { EventVersions } from '../event-versions.ts';
import { backoff } from '../backoff.ts';
import { callAppend } from './append-call.ts';
import { connectWriter, cut } from './connect.ts';
import { storedEvents } from './committed-events.ts';
import type { PostgresLogOptions } from './options.ts';

/** One is worked on by Postgres while the next is on its way. */
const BATCHES_UNDER_WAY_MAX = 2;
const SWEEP_EVERY_MS = 100;

/** Who is notified of what becomes of appends. */
export interface WriterListener {
  /**
   * Events are durable: the log reaches at least to `head`. Those that this call has stored are
   * handed over, in the order of the log and without gaps.
   */
  stored(head: string, events: readonly StoredEvent[]): void;
  /** A lost connection was replaced; nothing has been sent on the new one yet. */
  reconnected(): void;
}

/**
 * Carries appends to Postgres, in batches over one connection. When it is not known whether a batch
 * took effect, the same batch is sent again: an append that expects an exact revision finds its own
 * events there. One that expects any would be stored twice, so it is answered `unavailable`.
 */
export class Writer {
  readonly #queue: AppendQueue;
  readonly #underWay = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #sweep: NodeJS.Timeout;
  #connection: Promise<pg.Client> | undefined;
  #hasConnected = false;
  #isFillDue = false;

  constructor(
    private readonly options: PostgresLogOptions,
    private readonly versions: EventVersions,
    private readonly listener: WriterListener,
  ) {
    this.#queue = new AppendQueue(options);
    this.#sweep = setInterval(() => this.#expire(), SWEEP_EVERY_MS).unref();
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

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#sweep);
    this.#giveUp(this.#queue.unanswered, 'the log is closed');
    await this.#dropConnection(this.#connection);
    await Promise.all(this.#underWay);
  }

  /** After this turn of the event loop, so that what is asked for in it travels together. */
  #fillSoon(): void {
    if (this.#isFillDue) return;
    this.#isFillDue = true;
    setImmediate(() => {
      this.#isFillDue = false;
      this.#fill();
    });
  }

  #fill(): void {
    while (this.#underWay.size < BATCHES_UNDER_WAY_MAX) {
      const batch = this.#queue.take();
      if (batch.length === 0) return;
      const delivery = this.#deliver(batch).then(() => {
        for (const waiting of batch) this.#queue.release(waiting);
        this.#underWay.delete(delivery);
        this.#fillSoon();
      });
      this.#underWay.add(delivery);
    }
  }

  /** Returns when each append of the batch has its answer. Does not throw. */
  async #deliver(batch: readonly Waiting[]): Promise<void> {
    let wasSent = false;
    for (let attempt = 0; ; attempt += 1) {
      const left = batch.filter((waiting) => this.#queue.isUnanswered(waiting));
      if (left.length === 0) return;
      const connection = (this.#connection ??= this.#connect());
      try {
        const client = await connection;
        const noting = this.versions.note(left.flatMap(({ append }) => append.events));
        if (noting) await noting;
        const sending = callAppend(
          client,
          left.map(({ append }) => append),
        );
        const isFirst = !wasSent;
        wasSent = true;
        this.#answer(left, await sending, isFirst);
      } catch (fault) {
        if (this.#closing.signal.aborted) return;
        if (isRefusal(fault)) return this.#deliverSingly(left, fault);
        this.options.warn?.('an append call failed and is tried again', fault);
        await this.#dropConnection(connection);
        if (wasSent) this.#giveUp(left.filter(isForAny), 'the connection was lost');
        await backoff(attempt, this.options.retryPauseMaxMs, this.#closing.signal);
      }
    }
  }

  /** What Postgres does not take fails alone. */
  async #deliverSingly(batch: readonly Waiting[], fault: Error): Promise<void> {
    const [first, ...others] = batch;
    if (first && others.length === 0) {
      this.#queue.answer(first, new LogError('invalid', fault.message));
    } else {
      for (const waiting of batch) await this.#deliver([waiting]);
    }
  }

  #answer(
    batch: readonly Waiting[],
    answers: readonly (Appended | LogError)[],
    isFirst: boolean,
  ): void {
    let head = START;
    const stored: StoredEvent[] = [];
    batch.forEach((waiting, index) => {
      const answer = answers[index] ?? new LogError('unavailable', 'Postgres gave no answer');
      if (answer instanceof LogError) return this.#queue.answer(waiting, answer);
      if (answer.position > head) head = answer.position;
      if (!answer.repeated) stored.push(...storedEvents(waiting.append, answer));
      // Found after being sent twice: they are there by this very call.
      this.#queue.answer(waiting, isFirst ? answer : { ...answer, repeated: false });
    });
    if (head !== START) this.listener.stored(head, stored);
  }

  #connect(): Promise<pg.Client> {
    const connection = connectWriter(this.options);
    connection.then(
      (client) => {
        if (this.#closing.signal.aborted) cut(client);
        if (this.#hasConnected) this.listener.reconnected();
        this.#hasConnected = true;
        client.once('end', () => void this.#dropConnection(connection));
      },
      () => undefined,
    );
    return connection;
  }

  /** The next batch makes a new one. Never fails. */
  async #dropConnection(connection: Promise<pg.Client> | undefined): Promise<void> {
    if (this.#connection === connection) this.#connection = undefined;
    await connection?.then(cut, () => undefined);
  }

  #expire(): void {
    this.#giveUp(this.#queue.expired(performance.now()), 'Postgres did not answer in time');
  }

  #giveUp(waiting: readonly Waiting[], why: string): void {
    for (const one of waiting) this.#queue.answer(one, new LogError('unavailable', why));
  }
}

const isForAny = ({ append }: Waiting): boolean => append.expected === 'any';

/**
 * Nothing took effect, and the same again would not either: bad data, constraints, limits. A unique
 * violation is none of these: somebody wrote past the append function just then.
 */
const isRefusal = (fault: unknown): fault is pg.DatabaseError =>
  fault instanceof pg.DatabaseError &&
  fault.severity === 'ERROR' &&
  /^(22|23(?!505)|54)/.test(fault.code ?? '');
