/** The parameters of a statement. */
export class Values {
  readonly list: unknown[] = [];

  /** Adds one and returns how the statement names it. */
  add(value: unknown): string {
    return `$${this.list.push(value)}`;
  }
}
