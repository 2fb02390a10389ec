import type { SessionEvent } from '@playhead/contract';
import type { SessionSubscription } from './session-subscription.ts';
import { EventQueue } from '../event-queue.ts';

/**
 * The events of a session, for any number of iterations, each at its own pace. Every one gets each
 * event exactly once, in order, from where the session was opened, however late it begins.
 */
export class SessionEvents implements AsyncIterable<SessionEvent, undefined> {
  readonly #ends = new Set<() => void>();
  #isClosed = false;

  constructor(private readonly subscription: SessionSubscription) {}

  [Symbol.asyncIterator](): Required<AsyncIterator<SessionEvent, undefined>> {
    const { subscription } = this;
    const queue = new EventQueue<SessionEvent>(() => subscription.release(reader));
    const reader = subscription.addReader(queue);
    const end = (): void => {
      this.#ends.delete(end);
      subscription.removeReader(reader);
      queue.finish();
    };
    const leave = (): void => {
      queue.empty();
      end();
    };
    this.#ends.add(end);
    if (this.#isClosed) leave();
    return {
      next: () => queue.next(),
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
