import type { SessionEvent } from '@playhead/contract';
import type { Checkpoint } from './checkpoints.ts';
import { pure } from './failures.ts';
import type { ProjectedRow, Projection } from './projection.ts';
import { nameOf, type Queryable, type RowKey, type RowTable } from './row-table.ts';

/** Events that go into a read model together. */
export interface Batch {
  readonly events: readonly SessionEvent[];
  /** What is wrong with the revision of an event, by the event's id. */
  readonly misplaced: ReadonlyMap<string, string>;
  /** Whether any session was parked at `from`. */
  readonly hasParked: boolean;
  /** Single sessions were folded again just now: the rows are read under the checkpoint's lock. */
  readonly isContended?: boolean;
  readonly from: Checkpoint;
  readonly to: Checkpoint;
}

/** What events make of a read model. */
export interface Changes {
  /** Rows as `RowTable.upsertStatement` takes them; undefined for none. */
  readonly rows: string | undefined;
  /** Keys of rows to delete. */
  readonly gone: readonly RowKey[];
}

/** Loads the rows that events touch and folds. What pure code throws counts as poison. */
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

/** An event and one row that it touches. */
interface Touch {
  readonly event: SessionEvent;
  readonly key: RowKey;
  /** `nameOf(key)`. */
  readonly name: string;
}

/** The rows that events touch, in the order of the events. */
const touchesOf = (projection: Projection, events: readonly SessionEvent[]): Touch[] =>
  events.flatMap((event) =>
    projection.keys(event).map((value) => {
      const key = { sessionId: event.sessionId, key: value };
      return { event, key, name: nameOf(key) };
    }),
  );

/** The rows that changed, and the names of those to delete. */
function fold(
  projection: Projection,
  before: ReadonlyMap<string, ProjectedRow>,
  touches: readonly Touch[],
): { rows: ProjectedRow[]; gone: string[] } {
  const after = new Map<string, ProjectedRow | undefined>();
  for (const { event, key, name } of touches) {
    const row = after.has(name) ? after.get(name) : before.get(name);
    if (row && row.revision >= event.revision) {
      throw new Error(`revision ${event.revision} comes when ${row.revision} has been taken`);
    }
    const next = projection.evolve(row, event, key.key);
    if (next !== row) after.set(name, next);
  }
  const changed = [...after];
  return {
    rows: changed.flatMap(([, row]) => row ?? []),
    gone: changed.flatMap(([name, row]) => (row === undefined ? name : [])),
  };
}
