import { START } from './event-log.ts';

/** Tells one who waits that the log has grown. */
export class WakeUpSignal {
  #head = START;
  #wake: () => void = () => undefined;

  /** The log is known to reach this far. */
  wake(head: string): void {
    if (head <= this.#head) return;
    this.#head = head;
    this.#wake();
  }

  /** Resolves when the log reaches beyond a position, after some milliseconds, or on the signal. */
  wait(after: string, ms: number, signal: AbortSignal): Promise<void> {
    const head = this.#head;
    // Each head rings once: one that is never found must not make its listener look for ever.
    this.#head = after;
    if (head > after || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake);
      this.#wake = wake;
    });
  }
}
