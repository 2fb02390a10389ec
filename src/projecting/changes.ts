import type { SessionEvent } from '@playhead/contract';
import { pure } from './failures.ts';
import { fold, touchesOf } from './fold.ts';
import type { Projection } from './projection.ts';
import type { Queryable, RowKey, RowTable } from './row-table.ts';

/** What events make of a read model. */
export interface Changes {
  /** Rows as `RowTable.putting` takes them; undefined for none. */
  readonly rows: string | undefined;
  /** Keys of rows that are no more. */
  readonly gone: readonly RowKey[];
}

/** Reads the rows that events touch and folds. What pure code throws is of the content. */
export async function changesOf(
  database: Queryable,
  projection: Projection,
  table: RowTable,
  events: readonly SessionEvent[],
): Promise<Changes> {
  const touches = pure(() => touchesOf(projection, events));
  if (touches.length === 0) return { rows: undefined, gone: [] };
  const keys = new Map(touches.map(({ name, key }) => [name, key]));
  const before = await table.load(database, [...keys.values()]);
  return pure(() => {
    const { rows, gone } = fold(projection, before, touches);
    return {
      rows: rows.length > 0 ? JSON.stringify(rows) : undefined,
      gone: gone.flatMap((name) => keys.get(name) ?? []),
    };
  });
}
