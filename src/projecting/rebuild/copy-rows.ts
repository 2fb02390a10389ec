import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom, type CopyStreamQuery } from 'pg-copy-streams';
import type { TableColumn } from '../row-table.ts';

/** What is used of the driver's connection. */
export interface CopyConnection {
  query(copy: CopyStreamQuery): CopyStreamQuery;
}

/** Characters of one block. */
const BLOCK = 64 * 1024;

/**
 * New rows of a table in the text format of COPY. They are kept as bytes outside the heap: what
 * waits to be sent costs the garbage collector nothing.
 */
export class CopyText {
  readonly #statement: string;
  readonly #columns: readonly { property: string; encode: (value: unknown) => string }[];
  #blocks: Buffer[] = [];
  #text = '';

  /** `table` is quoted already. */
  constructor(table: string, columns: readonly TableColumn[]) {
    const names = columns.map(({ name }) => `"${name}"`).join(', ');
    this.#statement = `copy ${table} (${names}) from stdin`;
    this.#columns = columns.map(({ property, type }) => ({
      property,
      encode: type === 'json' || type === 'jsonb' ? encodeJson : encode,
    }));
  }

  add(row: Readonly<Record<string, unknown>>): void {
    let line = '';
    for (const { property, encode: encodeField } of this.#columns) {
      const value = row[property];
      const field = value === null || value === undefined ? '\\N' : encodeField(value);
      line = line === '' ? field : `${line}\t${field}`;
    }
    this.#text += `${line}\n`;
    if (this.#text.length >= BLOCK) this.#endBlock();
  }

  /** Sends all rows and forgets them. What Postgres refuses is thrown as it says it. */
  async send(connection: CopyConnection): Promise<void> {
    this.#endBlock();
    const blocks = this.#blocks;
    if (blocks.length === 0) return;
    this.clear();
    await pipeline(Readable.from(blocks), connection.query(copyFrom(this.#statement)));
  }

  clear(): void {
    this.#blocks = [];
    this.#text = '';
  }

  #endBlock(): void {
    if (this.#text !== '') this.#blocks.push(Buffer.from(this.#text));
    this.#text = '';
  }
}

/** A value as `json_to_recordset`, by which other rows are written, would read it from JSON. */
function encode(value: unknown): string {
  if (typeof value === 'string') return escaped(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '\\N';
  return encodeJson(value);
}

const encodeJson = (value: unknown): string => escaped(JSON.stringify(value));

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const special = /[\\\n\r\t]/;

const escaped = (text: string): string =>
  special.test(text)
    ? text.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? character)
    : text;
