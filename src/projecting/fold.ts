import type { SessionEvent } from '@playhead/contract';
import type { ProjectedRow, Projection } from './projection.ts';
import { nameOf, type RowKey } from './row-table.ts';

/** An event and one row that it touches. */
export interface Touch {
  readonly event: SessionEvent;
  readonly key: RowKey;
  /** `nameOf(key)`. */
  readonly name: string;
}

/** The rows that events touch, in the order of the events. */
export const touchesOf = (projection: Projection, events: readonly SessionEvent[]): Touch[] =>
  events.flatMap((event) =>
    projection.keys(event).map((value) => {
      const key = { sessionId: event.sessionId, key: value };
      return { event, key, name: nameOf(key) };
    }),
  );

/** The rows that changed, and the names of those that are no more. */
export function fold(
  projection: Projection,
  before: ReadonlyMap<string, ProjectedRow>,
  touches: readonly Touch[],
): { rows: ProjectedRow[]; gone: string[] } {
  const after = new Map<string, ProjectedRow | undefined>();
  for (const { event, name } of touches) {
    const row = after.has(name) ? after.get(name) : before.get(name);
    if (row && row.revision >= event.revision) {
      throw new Error(`revision ${event.revision} comes when ${row.revision} has been taken`);
    }
    const next = projection.evolve(row, event);
    if (next !== row) after.set(name, next);
  }
  const changed = [...after];
  return {
    rows: changed.flatMap(([, row]) => row ?? []),
    gone: changed.flatMap(([name, row]) => (row === undefined ? name : [])),
  };
}
