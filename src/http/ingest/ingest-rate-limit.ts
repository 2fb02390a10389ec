import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Problem } from '../problem.ts';

/** Decides whether what a request wants to append may be appended. */
export interface Admission {
  /** Throws `Problem('rate-limited')` when the key has used up its minute. */
  admit(key: string): Promise<void>;
}

/** A limit of appending requests a minute and key (a conversation, a bridge, or who uploads). */
export class IngestLimit {
  readonly #limiter: RateLimiterMemory;

  constructor(readonly perMinute: number) {
    this.#limiter = new RateLimiterMemory({ points: perMinute, duration: 60 });
  }

  /** For one request: it counts once a key, whatever the number of its lines. */
  forRequest(): Admission {
    const asked = new Map<string, Promise<void>>();
    return {
      admit: (key) => {
        const known = asked.get(key);
        if (known) return known;
        const answer = this.#consume(key);
        asked.set(key, answer);
        return answer;
      },
    };
  }

  async #consume(key: string): Promise<void> {
    try {
      await this.#limiter.consume(key);
    } catch (spent) {
      if (!(spent instanceof RateLimiterRes)) throw spent;
      const seconds = Math.max(1, Math.ceil(spent.msBeforeNext / 1000));
      throw new RateLimited(this.perMinute, seconds, spent.msBeforeNext);
    }
  }
}

/** Too many appending requests; carries what the headers say. */
export class RateLimited extends Problem {
  constructor(
    readonly limit: number,
    seconds: number,
    readonly resetInMs: number,
  ) {
    super('rate-limited', `more than ${limit} a minute`, undefined, seconds);
  }
}
