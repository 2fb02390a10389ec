/** Where one socket has said that it is typing, and until when that holds. */
export class Typing {
  readonly #until = new Map<string, number>();

  constructor(private readonly forMs: number) {}

  /** It types from now on; answers for how long that holds unless it is said again. */
  start(sessionId: string, now: number): number {
    for (const [other, until] of this.#until) if (until <= now) this.#until.delete(other);
    this.#until.set(sessionId, now + this.forMs);
    return this.forMs;
  }

  /** It no longer types; answers whether others still believed it did. */
  stop(sessionId: string, now: number): boolean {
    const until = this.#until.get(sessionId) ?? 0;
    this.#until.delete(sessionId);
    return until > now;
  }

  /** The sessions in which others still believe that it types. */
  in(now: number): string[] {
    return [...this.#until].filter(([, until]) => until > now).map(([sessionId]) => sessionId);
  }
}
