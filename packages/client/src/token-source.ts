import { limits } from './limits.ts';

/** A key, or a function that answers one. The function is asked again when its key was refused. */
export type Token = string | (() => string | Promise<string>);

/** The key that all connections of a client show. */
export class TokenSource {
  #token: string | undefined;
  #pending: Promise<string> | undefined;

  constructor(private readonly source: Token) {
    if (typeof source === 'string') this.#token = source;
  }

  /** Whether there may be another key when this one is refused. */
  get isRenewable(): boolean {
    return typeof this.source === 'function';
  }

  /**
   * The key to show, after `refused` was refused. It is a promise when the function must be asked.
   * Connections that wait at the same time share one call. Rejects when the function fails or does
   * not answer in time (`limits.tokenMs`).
   */
  get(refused?: string): string | Promise<string> {
    const { source } = this;
    if (typeof source === 'string') return source;
    if (this.#token !== undefined && this.#token !== refused) return this.#token;
    this.#pending ??= inTime(source)
      .then((token) => (this.#token = token))
      .finally(() => (this.#pending = undefined));
    return this.#pending;
  }
}

async function inTime(source: () => string | Promise<string>): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no token in time')), limits.tokenMs);
  });
  try {
    return await Promise.race([source(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
