import type { Refusal } from '@playhead/contract';
import type { SubscriptionStatus } from './session/state.ts';

/** An observable value: a new snapshot after each change. */
export class Store<Snapshot extends object> {
  readonly #listeners = new Set<() => void>();
  #snapshot: Snapshot;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Calls the listener after each change. Returns a function that stops it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  /** Keeps the old snapshot when every field of the new one is the same. */
  update(next: Snapshot): void {
    const current = this.#snapshot;
    const keys = Object.keys(next) as (keyof Snapshot)[];
    if (keys.every((key) => next[key] === current[key])) return;
    this.#snapshot = next;
    for (const listener of [...this.#listeners]) callListener(listener);
  }
}

/** Calls a listener; what it throws does not reach other listeners or the store. */
export function callListener(listener: () => void): void {
  try {
    listener();
  } catch (failure) {
    queueMicrotask(() => {
      throw failure;
    });
  }
}

interface Closable {
  readonly status: SubscriptionStatus;
  readonly refusal: Refusal | undefined;
}

/** One of several handles on a shared store; closing it ends its own updates only. */
export class StoreHandle<Snapshot extends Closable> {
  readonly store: Store<Snapshot>;
  #isClosed = false;
  readonly #stop: () => void;

  /** `release` is called once, when it is closed. */
  constructor(
    source: Store<Snapshot>,
    private readonly release: () => void,
  ) {
    const own = new Store(source.snapshot);
    this.store = own;
    this.#stop = source.subscribe(() => own.update(source.snapshot));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop();
    const { snapshot } = this.store;
    if (snapshot.status !== 'closed') {
      this.store.update({ ...snapshot, status: 'closed', refusal: undefined });
    }
    this.release();
  }
}
