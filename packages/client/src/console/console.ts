import type { Refusal, SessionEvent, SessionView } from '@playhead/contract';
import type { SubscriptionStatus } from '../session/state.ts';
import { StoreHandle } from '../store.ts';
import type { ConsoleSnapshot, ConsoleSubscription } from './console-subscription.ts';

/** The list of sessions, live through cuts, crashes and updates of the service until closed. */
export class Console {
  readonly #subscription: ConsoleSubscription;
  readonly #snapshot: StoreHandle<ConsoleSnapshot>;
  readonly #unlisten = new Set<() => void>();

  /** `release` lets go of what is subscription, perhaps together with others. */
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

  /** Calls the listener after each change of the snapshot; answers the way to stop that. */
  get subscribe(): (listener: () => void) => () => void {
    return this.#snapshot.store.subscribe;
  }

  /**
   * Hears the events of the sessions in the list, each once and in the order of the log, from now
   * on; opened with `events`, else there are none. When `resets` grows some were left out.
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

  /** Watches it no longer; others who opened the same list do. */
  close(): void {
    for (const unlisten of [...this.#unlisten]) unlisten();
    this.#snapshot.close();
  }
}
