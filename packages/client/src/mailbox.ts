/** Hands over what comes, in order, to one who asks for it; the end comes when all is taken. */
export class Mailbox<Item> {
  readonly #items: Item[] = [];
  readonly #asking: {
    readonly resolve: (result: IteratorResult<Item, undefined>) => void;
    readonly reject: (failure: Error) => void;
  }[] = [];
  #end: { readonly failure: Error | undefined } | undefined;

  /** Hears of each item that is taken out. */
  constructor(private readonly taken: () => void) {}

  put(items: readonly Item[]): void {
    if (this.#end) return;
    this.#items.push(...items);
    this.#serve();
  }

  /** Nothing more comes; whoever asks beyond what is there is told the failure, once. */
  finish(failure?: Error): void {
    this.#end ??= { failure };
    this.#serve();
  }

  /** What is left is thrown away. */
  empty(): void {
    this.#items.length = 0;
    this.finish();
  }

  /** The next item, as soon as there is one. */
  next(): Promise<IteratorResult<Item, undefined>> {
    return new Promise((resolve, reject) => {
      this.#asking.push({ resolve, reject });
      this.#serve();
    });
  }

  #serve(): void {
    while (this.#asking.length > 0 && (this.#items.length > 0 || this.#end)) {
      const asking = this.#asking.shift();
      if (this.#items.length > 0) {
        asking?.resolve({ done: false, value: this.#items.shift() as Item });
        this.taken();
      } else {
        const failure = this.#end?.failure;
        this.#end = { failure: undefined };
        if (failure) asking?.reject(failure);
        else asking?.resolve({ done: true, value: undefined });
      }
    }
  }
}
