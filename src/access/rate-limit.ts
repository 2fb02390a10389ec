import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

/** What spending one left. */
export interface Spent {
  /** Whether there was one to spend. */
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Until the minute is over and all are there again, at least 1. */
  readonly resetS: number;
}

/** How much each principal may do in a minute. Every node counts for itself. */
export class RateLimit {
  readonly #limiter: RateLimiterMemory;

  constructor(readonly perMinute: number) {
    this.#limiter = new RateLimiterMemory({ points: perMinute, duration: 60 });
  }

  /** Spends one of a principal's minute. */
  async consume(principalId: string): Promise<Spent> {
    try {
      return this.#spent(await this.#limiter.consume(principalId), true);
    } catch (spent) {
      if (!(spent instanceof RateLimiterRes)) throw spent;
      return this.#spent(spent, false);
    }
  }

  #spent({ remainingPoints, msBeforeNext }: RateLimiterRes, allowed: boolean): Spent {
    const resetS = Math.max(1, Math.ceil(msBeforeNext / 1000));
    return { allowed, limit: this.perMinute, remaining: remainingPoints, resetS };
  }
}
