import type { DataSource } from 'typeorm';
import { PreparedStatements } from './prepared-statements.ts';
import type { Projection } from './projection.ts';
import { RowTable, type Queryable } from './row-table.ts';

/** A projection with the table of its rows, and the ways to write there. */
export interface ReadModel {
  readonly projection: Projection;
  readonly table: RowTable;
  /** For transactions. */
  readonly dataSource: DataSource;
  /** For the statements that every batch runs. */
  readonly prepared: Queryable;
}

/** What is needed of a read model where its projection does not run. */
export type RefoldedModel = Pick<ReadModel, 'projection' | 'table' | 'dataSource'>;

/** The same beside the projection: prepared statements belong to the one who runs it. */
export const refoldedModelOf = (dataSource: DataSource, projection: Projection): RefoldedModel => ({
  projection,
  table: new RowTable(dataSource, projection),
  dataSource,
});

/** The read model of a projection in a database. */
export const readModelOf = (dataSource: DataSource, projection: Projection): ReadModel => ({
  projection,
  table: new RowTable(dataSource, projection),
  dataSource,
  prepared: new PreparedStatements(dataSource),
});
