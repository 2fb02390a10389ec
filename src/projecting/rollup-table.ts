import type { DataSource, EntityManager } from 'typeorm';
import type { Rollup } from './projection.ts';

/** What a statement must know of the table whose rows are summed up. */
interface SummedTable {
  readonly table: string;
  readonly columns: readonly {
    readonly property: string;
    readonly column: string;
    readonly type: string;
  }[];
  readonly keyColumns: readonly string[];
}

/** Parameters of a statement that say which rows change. */
export interface RowChanges {
  /** The JSON of rows that are inserted or replace those with the same keys, */
  readonly rows?: string | undefined;
  /** and the keys of rows that are deleted. */
  readonly gone?: readonly [sessionIds: string, keys: string] | undefined;
}

/** The table of a rollup. Its sums are those of the rows as long as both change together. */
export class RollupTable {
  /** Its name without schema. */
  readonly name: string;
  readonly table: string;
  readonly #groups: readonly string[];
  readonly #sums: readonly string[];
  readonly #parts: string;

  /** `prefix`: the schema where it lies, with its point; none for the one that is read. */
  constructor(
    dataSource: DataSource,
    { entity, parts }: Rollup,
    private readonly summed: SummedTable,
    prefix: string,
  ) {
    const metadata = dataSource.getMetadata(entity);
    const quoted = metadata.columns.map(({ databaseName, isPrimary }) => ({
      ...{ column: `"${databaseName}"`, isPrimary },
    }));
    this.name = metadata.tableName;
    this.table = `${prefix}"${metadata.tableName}"`;
    this.#groups = quoted.filter(({ isPrimary }) => isPrimary).map(({ column }) => column);
    this.#sums = quoted.filter(({ isPrimary }) => !isPrimary).map(({ column }) => column);
    this.#parts = `lateral (${parts}) as part`;
  }

  /**
   * The statement that brings the sums up to rows that change, on a condition. It reads the rows as
   * they were: it runs before they change, or in one statement with what changes them.
   */
  changeStatement(changes: RowChanges, condition = 'true'): string {
    const sums = this.#sums.map((sum) => `sum(change.${sum})`);
    return `
      insert into ${this.table} as kept (${this.#names})
      select ${this.#of('change')}, ${sums.join(', ')}
      from (${this.#changes(changes).join(' union all ')}) as change
      where ${condition}
      group by ${this.#of('change')} having ${anyOf(sums)}
      on conflict (${this.#groups.join(', ')}) do update
      set ${this.#sums.map((sum) => `${sum} = kept.${sum} + excluded.${sum}`).join(', ')}`;
  }

  /** Sums up all rows, in a transaction in which nobody else changes them. */
  async sumUp(manager: EntityManager): Promise<void> {
    await manager.query(`truncate table ${this.table}`);
    await manager.query(
      `insert into ${this.table} (${this.#names})
       select ${this.#of('part')}, ${this.#sums.map((sum) => `sum(part.${sum})`).join(', ')}
       from ${this.summed.table} as one, ${this.#parts} group by ${this.#of('part')}`,
    );
  }

  /** How many groups have other sums than their rows. */
  async countDiffering(manager: EntityManager): Promise<number> {
    const sums = this.#sums.map((sum) => `sum(change.${sum})`);
    const [found] = await manager.query<{ groups: number }[]>(
      `select count(*)::float8 as groups from (
         select from (
           select ${this.#of('part')}, ${this.#signed('')}
           from ${this.summed.table} as one, ${this.#parts}
           union all select ${this.#of('part')}, ${this.#signed('-')} from ${this.table} as part
         ) as change
         group by ${this.#of('change')} having ${anyOf(sums)}
       ) as differing`,
    );
    return found?.groups ?? 0;
  }

  get #names(): string {
    return [...this.#groups, ...this.#sums].join(', ');
  }

  #of(alias: string): string {
    return this.#groups.map((group) => `${alias}.${group}`).join(', ');
  }

  #signed(sign: '' | '-'): string {
    return this.#sums.map((sum) => `${sign}part.${sum} as ${sum}`).join(', ');
  }

  /** What new rows add, and what those that they replace, or that go, had added. */
  #changes({ rows, gone }: RowChanges): string[] {
    const { table, keyColumns } = this.summed;
    const added = `select ${this.#of('part')}, ${this.#signed('')} from`;
    const taken = `select ${this.#of('part')}, ${this.#signed('-')} from ${table} as one`;
    const isSame = (other: readonly string[]): string =>
      keyColumns.map((column, nth) => `one.${column} = ${other[nth]}`).join(' and ');
    const changes: string[] = [];
    if (rows !== undefined) {
      const fresh = this.#fresh(rows);
      const replaced = isSame(keyColumns.map((column) => `fresh.${column}`));
      changes.push(`${added} ${fresh('one')}, ${this.#parts}`);
      changes.push(`${taken} join ${fresh('fresh')} on ${replaced}, ${this.#parts}`);
    }
    if (gone) {
      const named = `unnest(${gone[0]}::text[], ${gone[1]}::text[]) as gone (session_id, key)`;
      const isGone = isSame(['gone.session_id', 'gone.key']);
      changes.push(`${taken} join ${named} on ${isGone}, ${this.#parts}`);
    }
    return changes;
  }

  /** Rows of a JSON parameter as those of the table. */
  #fresh(rows: string): (alias: string) => string {
    const { columns } = this.summed;
    const names = columns.map(({ column }) => column).join(', ');
    const typed = columns.map(({ property, type }) => `${property} ${type}`).join(', ');
    return (alias) => `(
      select ${columns.map(({ property }) => property).join(', ')}
      from json_to_recordset(${rows}::json) as row (${typed})) as ${alias} (${names})`;
  }
}

const anyOf = (sums: readonly string[]): string => sums.map((sum) => `${sum} <> 0`).join(' or ');
