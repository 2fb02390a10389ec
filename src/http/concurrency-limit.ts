import { Problem } from './problem.ts';

/** How many of something are at work at once on one node; more are `overloaded`. */
export class ConcurrencyLimit {
  #running = 0;

  /** `what` is their name in the refusal, which says after how many seconds to try again. */
  constructor(
    private readonly max: number,
    private readonly what: string,
    private readonly retryAfterS: number,
  ) {}

  /** Counts one more until what it gives is called, once. Throws `Problem` beyond the limit. */
  enter(): () => void {
    if (this.#running >= this.max) {
      const message = `at most ${this.max} ${this.what} at once on one node`;
      throw new Problem('overloaded', message, undefined, this.retryAfterS);
    }
    this.#running += 1;
    return () => void (this.#running -= 1);
  }
}
