import type { Refusal, SessionEvent, SessionView } from '@playhead/contract';
import type { SubscriptionStatus } from '../session/state.ts';
import { StoreHandle } from '../store.ts';
import type { ConsoleSnapshot, ConsoleSubscription } from './console-subscription.ts';

/**
 * The list of sessions, live through lost connections, crashes and updates of the service until it
 * is closed.
 *
 * This class is the entry of the folder. Read on in `console-subscription.ts` (what all handles of
 * a list share, and the driver), then `state.ts` and `transition.ts` (its pure state machine).
 */
export class Console {
  readonly #subscription: ConsoleSubscription;
  readonly #snapshot: StoreHandle<ConsoleSnapshot>;
  readonly #unlisten = new Set<() => void>();

  /** `release` is called once, when it is closed; other handles may share the subscription. */
  constructor(subscription: ConsoleSubscription, release: () => void) {
    this.#subscription = subscription;
    this.#snapshot = new StoreHandle(subscription.store, release);
  }

  get snapshot(): ConsoleSnapshot {
    return this.#snapshot.store.snapshot;
  }

  get sessions(): readonly SessionView[] | undefined {
    return this.snapshot.sessions;
  }

  get status(): SubscriptionStatus {
    return this.snapshot.status;
  }

  get refusal(): Refusal | undefined {
    return this.snapshot.refusal;
  }

  /** Calls the listener after each change of the snapshot. Returns a function that stops it. */
  get subscribe(): (listener: () => void) => () => void {
    return this.#snapshot.store.subscribe;
  }

  /**
   * Calls the listener with the events of the sessions in the list from now on, each once and in
   * the order of the log. The list must have been opened with `events`. When `resets` grows, some
   * events were left out. Returns a function that stops it.
   */
  onEvents(listener: (events: readonly SessionEvent[]) => void): () => void {
    if (this.status === 'closed') return () => undefined;
    const stop = this.#subscription.listen(listener);
    const unlisten = (): void => {
      stop();
      this.#unlisten.delete(unlisten);
    };
    this.#unlisten.add(unlisten);
    return unlisten;
  }

  /** Ends this handle; other handles of the list stay open. */
  close(): void {
    for (const unlisten of [...this.#unlisten]) unlisten();
    this.#snapshot.close();
  }
}
