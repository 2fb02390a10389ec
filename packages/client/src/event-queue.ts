/**
 * The part of a stream that its one consumer has not read. Its producer keeps it bounded: it pushes
 * only while there is room. After `finish` it ends once its last item was taken.
 */
export class EventQueue<Item> {
  readonly #items: Item[] = [];
  readonly #waiting: {
    readonly resolve: (result: IteratorResult<Item, undefined>) => void;
    readonly reject: (failure: Error) => void;
  }[] = [];
  #end: { readonly failure: Error | undefined } | undefined;

  /** `taken` is called for each item that is taken out. */
  constructor(private readonly taken: () => void) {}

  push(items: readonly Item[]): void {
    if (this.#end) return;
    this.#items.push(...items);
    this.#serve();
  }

  /** Nothing more comes. After the last item `next` rejects with the failure, once. */
  finish(failure?: Error): void {
    this.#end ??= { failure };
    this.#serve();
  }

  /** Drops the remaining items. */
  empty(): void {
    this.#items.length = 0;
    this.finish();
  }

  /** The next item, as soon as there is one. */
  next(): Promise<IteratorResult<Item, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  #serve(): void {
    while (this.#waiting.length > 0 && (this.#items.length > 0 || this.#end)) {
      const waiting = this.#waiting.shift();
      if (this.#items.length > 0) {
        waiting?.resolve({ done: false, value: this.#items.shift() as Item });
        this.taken();
      } else {
        const failure = this.#end?.failure;
        this.#end = { failure: undefined };
        if (failure) waiting?.reject(failure);
        else waiting?.resolve({ done: true, value: undefined });
      }
    }
  }
}
