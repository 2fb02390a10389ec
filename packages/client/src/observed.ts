/** Something that changes and can be looked at: a new snapshot after each change. */
export class Observed<Snapshot extends object> {
  readonly #listeners = new Set<() => void>();
  #snapshot: Snapshot;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Calls the listener after each change; answers the way to stop that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  /** Keeps the old snapshot when every field of the new one is the same. */
  show(seen: Snapshot): void {
    const held = this.#snapshot;
    const keys = Object.keys(seen) as (keyof Snapshot)[];
    if (keys.every((key) => seen[key] === held[key])) return;
    this.#snapshot = seen;
    for (const listener of [...this.#listeners]) call(listener);
  }
}

/** What a listener throws is its own: others, and what is observed, do not suffer. */
export function call(listener: () => void): void {
  try {
    listener();
  } catch (failure) {
    queueMicrotask(() => {
      throw failure;
    });
  }
}
