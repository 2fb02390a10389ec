import type { DataSource, EntityManager } from 'typeorm';
import { rowAsJson } from './columns.ts';
import { copyKindOf, copySchemas } from './copies.ts';
import type { ProjectedRow, Projection } from './projection.ts';
import { RollupTable } from './rollup-table.ts';

/** Which row of a read model. `key` is the session's id where a session has one row. */
export interface RowKey {
  readonly sessionId: string;
  readonly key: string;
}

/** A column, and the property of a row that it holds. */
export interface TableColumn {
  readonly property: string;
  readonly name: string;
  readonly type: string;
}

/** Runs statements in one transaction, or each in one of its own. Answers the rows. */
export interface Queryable {
  query<Rows>(text: string, values: unknown[]): Promise<Rows>;
}

/** What a statement must know of a read model's table. */
export interface TableLayout {
  readonly table: string;
  readonly columns: readonly {
    readonly property: string;
    readonly column: string;
    readonly type: string;
  }[];
  readonly keyColumns: readonly string[];
}

/** The same text for the same row; no session's id has a line break in it. */
export const nameOf = ({ sessionId, key }: RowKey): string => `${sessionId}\n${key}`;

/**
 * The table of a read model. Rows travel as JSON in both directions, under the names of their
 * properties: one parameter a statement, however many rows, and numbers come back as numbers.
 */
export class RowTable {
  /** Its name without schema. */
  readonly name: string;
  readonly columns: readonly TableColumn[];
  readonly rollup: RollupTable | undefined;
  readonly #columns: TableLayout['columns'];
  readonly #table: string;
  readonly #keyColumns: readonly string[];
  readonly #isWanted: string;
  readonly #rowAsJson: string;

  constructor(dataSource: DataSource, projection: Projection) {
    const metadata = dataSource.getMetadata(projection.entity);
    const columnOf = (property: string): string => {
      const found = metadata.findColumnWithPropertyName(property);
      if (!found) throw new Error(`${metadata.tableName} has no column ${property}`);
      return quoted(found.databaseName);
    };
    const kind = copyKindOf(projection.name);
    const prefix = kind ? `${copySchemas[kind]}.` : '';
    this.name = metadata.tableName;
    this.#table = `${prefix}${quoted(metadata.tableName)}`;
    this.columns = metadata.columns.map((column) => ({
      property: column.propertyName,
      name: column.databaseName,
      type: dataSource.driver.normalizeType(column),
    }));
    this.#columns = metadata.columns.map((column) => ({
      property: quoted(column.propertyName),
      column: quoted(column.databaseName),
      type: dataSource.driver.normalizeType(column),
    }));
    this.#rowAsJson = rowAsJson(this.#table, metadata.columns);
    const { keyColumn, rollup } = projection;
    this.#keyColumns = ['sessionId', ...(keyColumn === undefined ? [] : [keyColumn])].map(columnOf);
    this.#isWanted = this.#keyColumns
      .map((column, nth) => `${this.#table}.${column} = wanted.${nth === 0 ? 'session_id' : 'key'}`)
      .join(' and ');
    this.rollup = rollup && new RollupTable(dataSource, rollup, this.layout, prefix);
  }

  /** Its name and that of its rollup, without schema. */
  get names(): readonly string[] {
    return [this.name, ...(this.rollup ? [this.rollup.name] : [])];
  }

  /** Both tables as statements name them, in the order in which everybody locks them. */
  get lockedTables(): string {
    return [this.#table, ...(this.rollup ? [this.rollup.table] : [])].join(', ');
  }

  async load(
    database: Queryable,
    keys: readonly RowKey[],
  ): Promise<ReadonlyMap<string, ProjectedRow>> {
    const found = await database.query<{ key: string; row: ProjectedRow }[]>(
      `select wanted.key, ${this.#rowAsJson} as row
       from ${this.#table}, ${wanted('$1', '$2')} where ${this.#isWanted}`,
      parametersOf(keys),
    );
    return new Map(
      found.map(({ key, row }) => [nameOf({ sessionId: row.sessionId, key }), row] as const),
    );
  }

  /** For statements of others: names are quoted, the session's id is the first of the key. */
  get layout(): TableLayout {
    return { table: this.#table, columns: this.#columns, keyColumns: this.#keyColumns };
  }

  /** The statement that inserts or replaces the rows of a JSON parameter, on a condition. */
  upsertStatement(rows: string, condition = 'true'): string {
    const columns = this.#columns.map(({ column }) => column);
    return `
      insert into ${this.#table} (${columns.join(', ')})
      select ${this.#columns.map(({ property }) => property).join(', ')}
      from json_to_recordset(${rows}::json)
        as row (${this.#columns.map(({ property, type }) => `${property} ${type}`).join(', ')})
      where ${condition}
      on conflict (${this.#keyColumns.join(', ')}) do update
      set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`;
  }

  /** The statement that deletes the rows whose keys two parameters hold, on a condition. */
  deleteStatement(sessionIds: string, keys: string, condition = 'true'): string {
    return `
      delete from ${this.#table} using ${wanted(sessionIds, keys)}
      where ${this.#isWanted} and ${condition}`;
  }

  /** Inserts or replaces the rows of a JSON text, and deletes others, in a transaction. */
  async write(
    database: Queryable,
    rows: string | undefined,
    gone: readonly RowKey[],
  ): Promise<void> {
    if (rows !== undefined) {
      if (this.rollup) await database.query(this.rollup.changeStatement({ rows: '$1' }), [rows]);
      await database.query(this.upsertStatement('$1'), [rows]);
    }
    if (gone.length > 0) {
      const keys = parametersOf(gone);
      const statement = this.rollup?.changeStatement({ gone: ['$1', '$2'] });
      if (statement) await database.query(statement, keys);
      await database.query(this.deleteStatement('$1', '$2'), keys);
    }
  }

  async truncate(manager: EntityManager): Promise<void> {
    await manager.query(`truncate table ${this.lockedTables}`);
  }
}

const wanted = (sessionIds: string, keys: string): string =>
  `unnest(${sessionIds}::text[], ${keys}::text[]) as wanted (session_id, key)`;

const quoted = (name: string): string => `"${name}"`;

/** Keys as two parameters. */
export const parametersOf = (keys: readonly RowKey[]): [string[], string[]] => [
  keys.map(({ sessionId }) => sessionId),
  keys.map(({ key }) => key),
];
