import type { Changes } from './changes.ts';
import { ADVANCE, advancing, type Checkpoint } from './checkpoints.ts';
import { parametersOf, type Queryable, type RowTable } from './row-table.ts';

/**
 * Writes what a batch changes and moves the checkpoint, in one statement: false when the checkpoint
 * is elsewhere, and nothing was written.
 *
 * The rows that the changes were folded from may have been read before, outside of a transaction:
 * whoever writes rows moves the checkpoint, so while it is at `from` they are as they were. Of two
 * nodes with the same batch one waits for the other's row of `checkpoints`, then finds it moved.
 * The one exception is a read model that is emptied, which goes back to the start: from there this
 * must not be used.
 */
export async function writeBatch(
  database: Queryable,
  table: RowTable,
  name: string,
  { rows, gone }: Changes,
  from: Checkpoint,
  to: Checkpoint,
): Promise<boolean> {
  const values = advancing(name, from, to);
  const add = (value: unknown): string => `$${values.push(value)}`;
  const isMoved = 'exists (select from moved)';
  const writes: string[] = [];
  if (rows !== undefined) writes.push(`put as (${table.putting(add(rows), isMoved)})`);
  if (gone.length > 0) {
    const [sessionIds, keys] = parametersOf(gone).map(add) as [string, string];
    writes.push(`removed as (${table.removing(sessionIds, keys, isMoved)})`);
  }
  // What a crash of the database takes back, rows and checkpoint alike, is taken again.
  const relaxed = `set_config('synchronous_commit', 'off', true) = 'off'`;
  const moved = await database.query<unknown[]>(
    `with moved as (${ADVANCE} and ${relaxed} returning name)
       ${writes.map((write) => `, ${write}`).join('')}
     select from moved`,
    values,
  );
  return moved.length === 1;
}
