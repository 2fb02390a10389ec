import type { Tail } from '../log/tail.ts';
import { principalIdOf, type Keys } from './keys.ts';
import { revokedKeyIn } from './system-stream.ts';

/** Tells, on every node, which keys open nothing any more. */
export class Revocations {
  readonly #listeners = new Set<(principalId: string) => void>();
  readonly #unlisten: () => void;

  constructor(
    private readonly keys: Keys,
    tail: Tail,
  ) {
    this.#unlisten = tail.listen(({ events }) => {
      for (const event of events) {
        const keyId = revokedKeyIn(event);
        if (keyId !== undefined) this.#tell(principalIdOf(keyId));
      }
    });
  }

  /** Calls the listener with the principal of each key that is revoked from now on. */
  listen(listener: (principalId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Looks up whether these principals' keys are still valid, and tells those that are not: for a
   * revocation whose event came before its principal was listened for, or never.
   */
  async check(principalIds: readonly string[]): Promise<void> {
    for (const id of await this.keys.endedAmong(principalIds)) this.#tell(id);
  }

  /**
   * Calls `end` with each principal whose key is revoked, as soon as the log tells it, and looks up
   * those that have something open every so many milliseconds. The result ends that.
   */
  watch(open: { readonly principals: string[] }, end: (id: string) => void, everyMs: number) {
    const unlisten = this.listen(end);
    const recheck = setInterval(() => {
      // A database that does not answer now is asked again; nor can keys be revoked in it.
      this.check(open.principals).catch(() => undefined);
    }, everyMs);
    return (): void => {
      unlisten();
      clearInterval(recheck);
    };
  }

  stop(): void {
    this.#unlisten();
  }

  #tell(principalId: string): void {
    this.keys.forget(principalId);
    for (const listener of this.#listeners) listener(principalId);
  }
}
