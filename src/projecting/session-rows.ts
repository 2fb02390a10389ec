import { pure } from './failures.ts';
import type { ProjectedRow } from './projection.ts';
import type { Queryable, RowTable } from './row-table.ts';

/** Rows of one statement, and their characters as JSON, beyond the first. */
const STATEMENT_ROWS_MAX = 1_000;
const STATEMENT_CHARACTERS_MAX = 4 * 1024 * 1024;

/** Characters of a value that a difference quotes. */
const QUOTED_MAX = 200;

/** Something in which a stored row is not what the log says. */
export interface RowDifference {
  readonly kind: 'value' | 'missing' | 'extra' | 'poison';
  readonly key: string;
  /** The column of the table; empty where the whole row is meant. */
  readonly column: string;
  /** Of the last event that the row should have taken, or that it claims to have taken. */
  readonly revision: number | null;
  /** The beginning of the value that the fold gives, as Postgres writes it. */
  readonly expected: string | null;
  readonly stored: string | null;
}

/** Rows by their keys, as `SessionFold` has them. */
type Rows = ReadonlyMap<string, ProjectedRow>;

/** The rows that one session has in the table of a read model. */
export class SessionRows {
  constructor(
    private readonly table: RowTable,
    private readonly sessionId: string,
  ) {}

  /**
   * Where the stored rows are not these, up to a number of differences. Outside of a transaction
   * each statement sees its own moment. What Postgres cannot store is thrown, as poison.
   */
  async differences(database: Queryable, rows: Rows, max: number): Promise<RowDifference[]> {
    const found: RowDifference[] = [];
    for (const json of statementsOf(rows.values())) {
      const left = max - found.length;
      if (left <= 0) return found;
      // Without a number Postgres takes all.
      const values = [json, Number.isFinite(left) ? left : null];
      for (const one of await database.query<RowDifference[]>(this.#comparison(), values)) {
        found.push(one);
      }
    }
    const stored = await this.#stored(database);
    const extra = stored.filter(({ key }) => !rows.has(key)).slice(0, max - found.length);
    return [
      ...found,
      ...extra.map(({ key, revision }) => ({
        ...({ kind: 'extra', key, column: '', revision, expected: null } as const),
        stored: 'a row',
      })),
    ];
  }

  /** Writes the rows of some keys as they are here, and deletes those that are not here. */
  async write(database: Queryable, rows: Rows, keys: ReadonlySet<string>): Promise<void> {
    const gone = [...keys].filter((key) => !rows.has(key));
    const { table, sessionId } = this;
    await table.write(
      database,
      undefined,
      gone.map((key) => ({ sessionId, key })),
    );
    const wanted = [...keys].flatMap((key) => rows.get(key) ?? []);
    for (const json of statementsOf(wanted)) await table.write(database, json, []);
  }

  #stored(database: Queryable): Promise<{ key: string; revision: number }[]> {
    const { table, keyColumns } = this.table.layout;
    return database.query(
      `select ${keyColumns.at(-1)} as key, revision from ${table} where ${keyColumns[0]} = $1
       order by 1`,
      [this.sessionId],
    );
  }

  /**
   * Compares rows of a JSON parameter with those stored under their keys. The parameter becomes
   * columns in the same way as in `RowTable.upsertStatement`, so both sides are what Postgres
   * stores; and both are compared as it writes them, so that no number is rounded and no JSON is
   * taken for other JSON on the way.
   */
  #comparison(): string {
    const { table, columns, keyColumns } = this.table.layout;
    const names = columns.map(({ column }) => column).join(', ');
    const literal = (column: string): string => `'${column.slice(1, -1)}'`;
    const values = columns.map(
      ({ column }) => `(${literal(column)}, expected.${column}::text, stored.${column}::text)`,
    );
    const [sessionColumn = '', keyColumn = sessionColumn] = keyColumns;
    const isMissing = `stored.${sessionColumn} is null`;
    const quote = (value: string): string =>
      `case when not ${isMissing} then left(${value}, ${QUOTED_MAX}) end`;
    return `
      select case when ${isMissing} then 'missing' else 'value' end as kind,
        expected.${keyColumn} as key, expected.revision,
        case when ${isMissing} then '' else compared.name end as "column",
        ${quote('compared.expected')} as expected, ${quote('compared.stored')} as stored
      from (
        select ${columns.map(({ property }) => property).join(', ')}
        from json_to_recordset($1::json)
          as row (${columns.map(({ property, type }) => `${property} ${type}`).join(', ')})
      ) as expected (${names})
      left join ${table} as stored
        on ${keyColumns.map((column) => `stored.${column} = expected.${column}`).join(' and ')}
      cross join lateral (values ${values.join(', ')}) as compared (name, expected, stored)
      where case when ${isMissing} then compared.name = ${literal(sessionColumn)}
        else compared.expected collate "C" is distinct from compared.stored collate "C" end
      limit $2`;
  }
}

/** Rows as JSON, in as many parts as statements must have. What JSON cannot say is poison. */
function* statementsOf(rows: Iterable<ProjectedRow>): Generator<string> {
  let part: string[] = [];
  let characters = 0;
  for (const row of rows) {
    const json = pure(() => JSON.stringify(row));
    const isFull =
      part.length >= STATEMENT_ROWS_MAX || characters + json.length > STATEMENT_CHARACTERS_MAX;
    if (part.length > 0 && isFull) {
      yield `[${part.join(',')}]`;
      part = [];
      characters = 0;
    }
    part.push(json);
    characters += json.length;
  }
  if (part.length > 0) yield `[${part.join(',')}]`;
}
