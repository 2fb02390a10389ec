import type { SessionEvent } from '@playhead/contract';
import type { Followed } from './followed.ts';
import { Mailbox } from './mailbox.ts';

/**
 * The events of a session, for any number of iterations, each at its own pace. Every one gets each
 * event exactly once, in order, from where the session was opened, however late it begins.
 */
export class Events implements AsyncIterable<SessionEvent, undefined> {
  readonly #ends = new Set<() => void>();
  #isClosed = false;

  constructor(private readonly followed: Followed) {}

  [Symbol.asyncIterator](): Required<AsyncIterator<SessionEvent, undefined>> {
    const { followed } = this;
    const mailbox = new Mailbox<SessionEvent>(() => followed.taken(reader));
    const reader = followed.read(mailbox);
    const end = (): void => {
      this.#ends.delete(end);
      followed.leave(reader);
      mailbox.finish();
    };
    const leave = (): void => {
      mailbox.empty();
      end();
    };
    this.#ends.add(end);
    if (this.#isClosed) leave();
    return {
      next: () => mailbox.next(),
      async return() {
        leave();
        return { done: true, value: undefined };
      },
      async throw(failure) {
        leave();
        throw failure;
      },
    };
  }

  /** Every iteration ends with what it has been given. */
  close(): void {
    this.#isClosed = true;
    for (const end of [...this.#ends]) end();
  }
}
