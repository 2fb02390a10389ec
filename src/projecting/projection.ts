import type { SessionEvent } from '@playhead/contract';
import type { ObjectLiteral } from 'typeorm';

/** A row of a session-scoped read model: it knows the last event it took. */
export interface ProjectedRow extends ObjectLiteral {
  readonly sessionId: string;
  readonly revision: number;
}

/**
 * Sums over the rows of all sessions, by groups, in a table of their own: for questions about so
 * many rows that nobody can wait for them to be read. The engine adds to the sums what changes, in
 * the transaction in which the rows change; a rebuild sums up all rows of its copy.
 */
export interface Rollup {
  /** The table of the sums. Its primary key is the group, each other column a `numeric` sum. */
  readonly entity: new () => ObjectLiteral;
  /**
   * SQL of what one row of the read model, there called `one`, adds: rows with all columns of the
   * rollup under their names. It may use nothing but the columns of that row.
   */
  readonly parts: string;
}

/**
 * A read model as two pure functions. `keys` names the rows an event touches, `evolve` gives the
 * next row. The engine loads, folds and writes; a projection knows no clock and no database. What
 * either function throws parks the session, for this projection.
 */
export interface Projection<Row extends ProjectedRow = ProjectedRow> {
  /** Names the checkpoint; never reused for something else. */
  readonly name: string;
  /** Raised when `keys` or `evolve` change, so that the read model is rebuilt. */
  readonly version: number;
  /**
   * Columns (as the database names them) in which rows of this version may differ from those of the
   * version before, because they are new or mean something else. A rebuild that finds other
   * differences is refused.
   */
  readonly changedColumns?: readonly string[];
  /**
   * How the version before made its rows. With it the old copy is kept as that version had it,
   * until it is dropped; without it this version's logic goes on with the old rows.
   */
  readonly previous?: Pick<Projection<Row>, 'version' | 'keys' | 'evolve'>;
  /**
   * Gives way while the service is busy: its rows are costly, and nobody waits for them. It falls
   * behind then, and catches up afterwards.
   */
  readonly isBackground?: boolean;
  /** The table of its rows. */
  readonly entity: new () => Row;
  readonly rollup?: Rollup | undefined;
  /** The property that makes up the primary key with `sessionId`; undefined: that alone. */
  readonly keyColumn: string | undefined;
  /** Values of `keyColumn` (or the session's id) for the rows an event touches; none: ignored. */
  keys(event: SessionEvent): readonly string[];
  /**
   * The row after the event, `undefined` for no row. Old rows are never changed. `key` is the one
   * of `keys` that the row has: the engine gives it, and most need not know.
   */
  evolve(row: Row | undefined, event: SessionEvent, key?: string): Row | undefined;
}

/** The entities of some projections: those of their rows and of their rollups. */
export const entitiesOf = (projections: readonly Projection[]): (new () => ObjectLiteral)[] =>
  projections.flatMap(({ entity, rollup }) => (rollup ? [entity, rollup.entity] : [entity]));
