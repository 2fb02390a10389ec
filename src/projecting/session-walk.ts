import type { DataSource } from 'typeorm';
import type { RowTable } from './row-table.ts';

/**
 * Walks through all sessions that have rows in any of some tables, in the order of their ids, round
 * and round. It begins somewhere by chance, so that nodes that start at once, or one that starts
 * again and again, do not look at the same sessions. Each step costs an index lookup a table.
 */
export class SessionWalk {
  #last: string | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: readonly RowTable[],
    private readonly random: () => number = Math.random,
  ) {}

  /** The next session, undefined when there is none at all. */
  async next(): Promise<string | undefined> {
    this.#last ??= await this.#somewhere();
    const found = (await this.#after(this.#last)) ?? (await this.#after(''));
    this.#last = found;
    return found;
  }

  /** Each table's own minimum: over a union of the tables Postgres would read them whole. */
  async #after(sessionId: string): Promise<string | undefined> {
    const first = this.tables.map(({ layout: { table, keyColumns } }) => {
      const [column] = keyColumns;
      return `(select min(${column}) from ${table} where ${column} > $1)`;
    });
    const [found] = await this.dataSource.query<{ next: string | null }[]>(
      `select min(first collate "C") as next from unnest(array[${first.join(', ')}]) as first`,
      [sessionId],
    );
    return found?.next ?? undefined;
  }

  /**
   * A session from a block of a table chosen by chance: ids are not spread evenly, blocks are. Just
   * that block is read. It may hold no row any more; then the walk begins at the first session.
   */
  async #somewhere(): Promise<string> {
    const { layout } = this.tables[Math.floor(this.random() * this.tables.length)] ?? {};
    if (!layout) return '';
    const { table, keyColumns } = layout;
    const [size] = await this.dataSource.query<{ blocks: number }[]>(
      `select (pg_relation_size($1::regclass) / current_setting('block_size')::int)::int as blocks`,
      [table],
    );
    const block = Math.floor(this.random() * (size?.blocks ?? 0));
    const [found] = await this.dataSource.query<{ id: string }[]>(
      `select ${keyColumns[0]} as id from ${table} where ctid >= $1::tid and ctid < $2::tid
       limit 1`,
      [`(${block},0)`, `(${block + 1},0)`],
    );
    return found?.id ?? '';
  }
}
