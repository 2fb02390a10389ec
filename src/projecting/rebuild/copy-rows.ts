import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom, type CopyStreamQuery } from 'pg-copy-streams';
import type { ProjectedRow } from '../projection.ts';
import type { RowTable, TableColumn } from '../row-table.ts';

/** What is used of the driver's connection. */
export interface CopyConnection {
  query(copy: CopyStreamQuery): CopyStreamQuery;
}

/** Values of a row by property. */
type Values = Readonly<Record<string, unknown>>;

/** Lines of one write. */
const LINES = 500;

/** Writes rows that are not there yet by COPY. What Postgres refuses is thrown as it says it. */
export const copyRows = (
  connection: CopyConnection,
  table: RowTable,
  rows: readonly ProjectedRow[],
): Promise<void> => copyLines(connection, table.layout.table, table.columns, rows);

/** The same for any table. */
export async function copyLines(
  connection: CopyConnection,
  table: string,
  columns: readonly TableColumn[],
  rows: readonly Values[],
): Promise<void> {
  if (rows.length === 0) return;
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  const copy = connection.query(copyFrom(`copy ${table} (${names}) from stdin`));
  await pipeline(Readable.from(blocksOf(columns, rows)), copy);
}

function* blocksOf(columns: readonly TableColumn[], rows: readonly Values[]): Generator<string> {
  for (let first = 0; first < rows.length; first += LINES) {
    const block = rows.slice(first, first + LINES);
    yield block.map((row) => lineOf(columns, row)).join('');
  }
}

/** A row in the text format of COPY. */
const lineOf = (columns: readonly TableColumn[], row: Values): string =>
  `${columns.map(({ property, type }) => fieldOf(type, row[property])).join('\t')}\n`;

/** A value as `json_to_recordset`, by which other rows are written, would read it from JSON. */
function fieldOf(type: string, value: unknown): string {
  if (value === null || value === undefined) return '\\N';
  if (type === 'json' || type === 'jsonb') return escaped(JSON.stringify(value));
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '\\N';
  return typeof value === 'string' ? escaped(value) : escaped(JSON.stringify(value));
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const escaped = (text: string): string =>
  text.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? character);
