import type { ColumnOptions, DataSource, ValueTransformer } from 'typeorm';

/** Text compared by byte, as JavaScript compares ASCII, whatever the database's language. */
export const byteOrder = { type: 'text', collation: 'C' } as const satisfies ColumnOptions;

/** Postgres gives int8 as text; the contract's counts all fit a number. */
export const int8: ValueTransformer = {
  from: (stored: string | null) => (stored === null ? null : Number(stored)),
  to: (value: number | null) => value,
};

/**
 * The SQL of a table's row as JSON, under the names of its properties: numbers come back as
 * numbers.
 */
export function rowAsJson(
  table: string,
  columns: readonly { readonly databaseName: string; readonly propertyName: string }[],
): string {
  const named = columns.map((one) => `${table}."${one.databaseName}" as "${one.propertyName}"`);
  // No column may have the name of the subquery: it would be taken for the row.
  return `(select row_to_json("(row)") from (select ${named.join(', ')}) as "(row)")`;
}

/** What statements on tables need: the database, or one transaction of it. */
export type TableReader = Pick<DataSource, 'query' | 'getMetadata'>;
