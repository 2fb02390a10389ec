/** What each principal has open, bounded. */
export class Connections<Connection> {
  readonly #open = new Map<string, Set<Connection>>();
  #count = 0;

  /** `max` bounds what one principal may have open. */
  constructor(private readonly max: number) {}

  /** The principals that have something open. */
  get principals(): string[] {
    return [...this.#open.keys()];
  }

  /** How many are open, of all principals together. */
  get count(): number {
    return this.#count;
  }

  *[Symbol.iterator](): IterableIterator<Connection> {
    for (const connections of this.#open.values()) yield* connections;
  }

  of(principalId: string): readonly Connection[] {
    return [...(this.#open.get(principalId) ?? [])];
  }

  /** Counts one until it is removed; false when there are as many already. */
  add(principalId: string, connection: Connection): boolean {
    const connections = this.#open.get(principalId) ?? new Set();
    if (connections.size >= this.max) return false;
    this.#open.set(principalId, connections.add(connection));
    this.#count += 1;
    return true;
  }

  remove(principalId: string, connection: Connection): void {
    const connections = this.#open.get(principalId);
    if (!connections?.delete(connection)) return;
    this.#count -= 1;
    if (connections.size === 0) this.#open.delete(principalId);
  }
}
