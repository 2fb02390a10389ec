/** What several handles share. */
export interface Closable {
  readonly isClosed: boolean;
  end(): void;
}

/** Shared things by key: made for the first handle and ended when the last one is released. */
export class ReferenceCounted<Thing extends Closable> {
  readonly #held = new Map<string, { readonly thing: Thing; holders: number }>();

  /** All that are not closed. */
  get all(): readonly Thing[] {
    return [...this.#held.values()].map(({ thing }) => thing).filter(({ isClosed }) => !isClosed);
  }

  /** The shared thing; undefined when `acquire` would make a new one. */
  get(key: string): Thing | undefined {
    const thing = this.#held.get(key)?.thing;
    return thing?.isClosed ? undefined : thing;
  }

  /** A closed thing is not shared: the next call makes a new one. Call `release` once. */
  acquire(key: string, make: () => Thing): { readonly thing: Thing; readonly release: () => void } {
    const known = this.get(key) && this.#held.get(key);
    const held = known ?? { thing: make(), holders: 0 };
    held.holders += 1;
    this.#held.set(key, held);
    const release = (): void => {
      held.holders -= 1;
      if (held.holders > 0) return;
      if (this.#held.get(key) === held) this.#held.delete(key);
      held.thing.end();
    };
    return { thing: held.thing, release };
  }
}
