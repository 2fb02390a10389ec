import type { DataSource, EntityManager } from 'typeorm';
import { rowAsJson } from './columns.ts';
import { copyKindOf, copySchemas } from './copies.ts';
import type { ProjectedRow, Projection } from './projection.ts';

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
    this.name = metadata.tableName;
    this.#table = `${kind ? `${copySchemas[kind]}.` : ''}${quoted(metadata.tableName)}`;
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
    const { keyColumn } = projection;
    this.#keyColumns = ['sessionId', ...(keyColumn === undefined ? [] : [keyColumn])].map(columnOf);
    this.#isWanted = this.#keyColumns
      .map((column, nth) => `${this.#table}.${column} = wanted.${nth === 0 ? 'session_id' : 'key'}`)
      .join(' and ');
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

  async truncate(manager: EntityManager): Promise<void> {
    await manager.query(`truncate table ${this.#table}`);
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
