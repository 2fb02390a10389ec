import { START } from './event-log.ts';

/** Wakes one waiter. A wake-up while nobody waits is kept for the next one. */
export class WakeUpSignal {
  #isDue = false;
  #resolve: () => void = () => undefined;

  /** Wakes the waiter, or the next one. */
  wake(): void {
    this.#isDue = true;
    this.#resolve();
  }

  /** Forgets a wake-up that is kept for the next waiter. */
  reset(): void {
    this.#isDue = false;
  }

  /** Resolves when it is woken, after some milliseconds, or when the signal aborts. */
  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (!this.#isDue && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const settle = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', settle);
          resolve();
        };
        const timer = setTimeout(settle, ms);
        signal?.addEventListener('abort', settle);
        this.#resolve = settle;
      });
    }
    this.#isDue = false;
    this.#resolve = () => undefined;
  }
}

/** Wakes one waiter when the log has grown. */
export class HeadSignal {
  readonly #signal = new WakeUpSignal();
  #head = START;

  /** The log is known to reach this far. */
  reached(head: string): void {
    if (head <= this.#head) return;
    this.#head = head;
    this.#signal.wake();
  }

  /** Resolves when the log reaches beyond a position, after some milliseconds, or on the signal. */
  async wait(after: string, ms: number, signal: AbortSignal): Promise<void> {
    const head = this.#head;
    // Each head wakes once: a head that is never found must not make its waiter poll without end.
    this.#head = after;
    this.#signal.reset();
    if (head <= after) await this.#signal.wait(ms, signal);
  }
}
