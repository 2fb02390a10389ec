import { setTimeout as sleep } from 'node:timers/promises';
import type { Connect, ServerClient } from './client.ts';
import { isConflict, isMissing, refusalOf } from './errors.ts';

/** A client and who waits for it. */
export interface InUse {
  readonly client: ServerClient;
  /** Called when the client is taken out of use: it may never answer. */
  readonly onRetired: Set<(why: Error) => void>;
}

interface Options {
  readonly answerMs: number;
  readonly warn: (message: string, about: unknown) => void;
}

/** Appends and reads go different ways in the client: one may be broken and the other well. */
export type Way = 'append' | 'read';

/** So many failures on one way without an answer between them, and the client is replaced, */
const FAILURES_MAX = 3;
/** but no sooner than this after it was made: a server that is down is no fault of the client. */
const AGE_MIN_MS = 2_000;
/** How long a client may take to let go. */
const DISPOSE_MS = 2_000;

/**
 * The one client of the process. It may break so that it never answers again while the server is
 * well, so it is replaced; whoever waits for it then learns that the outcome is unknown.
 */
export class ReplaceableClient {
  #inUse: InUse;
  #madeAt = performance.now();
  #failures = { append: 0, read: 0 };
  #replacing: Promise<void> | undefined;
  #isClosed = false;

  constructor(
    private readonly connect: Connect,
    private readonly options: Options,
  ) {
    this.#inUse = this.#make();
  }

  /** The client that may be asked now. */
  async use(): Promise<InUse> {
    while (this.#replacing) await this.#replacing;
    if (this.#isClosed) throw new Error('the log is closed');
    return this.#inUse;
  }

  /**
   * Asks the client. When an append is not answered in time the client is replaced; a read watches
   * over its own time. Rejects with what the client rejects with, or with why it cannot
   * be waited for.
   */
  async ask<T>(way: Way, work: (client: ServerClient) => Promise<T>): Promise<T> {
    const inUse = await this.use();
    return new Promise<T>((resolve, reject) => {
      const giveUp = (why: Error): void => {
        settle();
        reject(why);
      };
      const ms = this.options.answerMs;
      const isLate = (): void => this.replace(inUse, new Error(`no answer within ${ms} ms`));
      const timer = way === 'append' ? setTimeout(isLate, ms) : undefined;
      const settle = (): void => {
        clearTimeout(timer);
        inUse.onRetired.delete(giveUp);
      };
      inUse.onRetired.add(giveUp);
      work(inUse.client).then(
        (answer) => {
          settle();
          if (inUse === this.#inUse) this.#failures[way] = 0;
          resolve(answer);
        },
        (fault: Error) => {
          settle();
          this.#countFailure(inUse, way, fault);
          reject(fault);
        },
      );
    });
  }

  /** Takes a client out of use, unless that has happened. */
  replace(inUse: InUse, why: Error): void {
    if (inUse !== this.#inUse || this.#replacing || this.#isClosed) return;
    this.options.warn('the client of EventStoreDB is replaced', why);
    this.#replacing = this.#letGo(inUse, why).then(() => {
      this.#inUse = this.#make();
      this.#replacing = undefined;
    });
  }

  /** The client that is in use broke in a way that nobody who waits would learn of. */
  breakDown(why: Error): void {
    this.replace(this.#inUse, why);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#replacing;
    await this.#letGo(this.#inUse, new Error('the log is closed'));
  }

  #make(): InUse {
    this.#madeAt = performance.now();
    this.#failures = { append: 0, read: 0 };
    return { client: this.connect(), onRetired: new Set() };
  }

  /** Before there is another: the process holds one. */
  async #letGo({ client, onRetired }: InUse, why: Error): Promise<void> {
    for (const tell of [...onRetired]) tell(why);
    const enough = new AbortController();
    await Promise.race([
      client.dispose().catch(() => undefined),
      sleep(DISPOSE_MS, undefined, { signal: enough.signal }).catch(() => undefined),
    ]);
    enough.abort();
  }

  #countFailure(inUse: InUse, way: Way, fault: Error): void {
    if (inUse !== this.#inUse) return;
    if (isConflict(fault) || isMissing(fault) || refusalOf(fault)) {
      this.#failures[way] = 0;
      return;
    }
    this.#failures[way] += 1;
    if (this.#failures[way] === 1)
      this.options.warn('EventStoreDB failed and is asked again', fault);
    const isOld = performance.now() - this.#madeAt > AGE_MIN_MS;
    if (isOld && this.#failures[way] >= FAILURES_MAX) this.replace(inUse, fault);
  }
}
