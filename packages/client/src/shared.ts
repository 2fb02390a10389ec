/** What several may have together. */
export interface Shareable {
  readonly isOver: boolean;
  end(): void;
}

/** Things by key, each made for the first who asks and ended when the last one lets go of it. */
export class Shared<Thing extends Shareable> {
  readonly #held = new Map<string, { readonly thing: Thing; holders: number }>();

  /** All that are not over. */
  get all(): readonly Thing[] {
    return [...this.#held.values()].map(({ thing }) => thing).filter(({ isOver }) => !isOver);
  }

  /** What is there already; undefined when the next to ask would get a new one. */
  get(key: string): Thing | undefined {
    const thing = this.#held.get(key)?.thing;
    return thing?.isOver ? undefined : thing;
  }

  /** Nobody shares what is over: the next gets a new one. `release` is for one call. */
  hold(key: string, make: () => Thing): { readonly thing: Thing; readonly release: () => void } {
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
