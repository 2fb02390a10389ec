import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { Queryable } from './row-table.ts';

/** What is used of the driver's connection: TypeORM itself has no prepared statements. */
interface Connection {
  query<Row>(statement: {
    readonly name: string;
    readonly text: string;
    readonly values: readonly unknown[];
  }): Promise<{ readonly rows: Row[] }>;
}

/**
 * Statements that each connection parses and plans once: for few of them, run over and over. Each
 * is a transaction of its own. Failures are the driver's own errors.
 */
export class PreparedStatements implements Queryable {
  readonly #names = new Map<string, string>();

  constructor(private readonly dataSource: DataSource) {}

  async query<Rows>(text: string, values: unknown[]): Promise<Rows> {
    const name = this.#names.get(text) ?? nameOf(text);
    this.#names.set(text, name);
    const runner = this.dataSource.createQueryRunner();
    try {
      const connection = (await runner.connect()) as Connection;
      return (await connection.query({ name, text, values })).rows as Rows;
    } finally {
      await runner.release();
    }
  }
}

/** Of the text alone: whoever prepares the same statement on a connection finds it there. */
const nameOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 40);
