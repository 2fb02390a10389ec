import { START } from '../log/event-log.ts';
import { changesOf, type Batch, type Changes } from './batch-changes.ts';
import { bisectBatch } from './bisecting-apply.ts';
import { ADVANCE, advancing, type Checkpoint } from './checkpoints.ts';
import { isPoison } from './failures.ts';
import { parkedAmong, type ParkedSession } from './parked.ts';
import type { ReadModel } from './read-model.ts';
import { parametersOf, type Queryable, type RowTable } from './row-table.ts';

/**
 * Applies a batch to a read model and moves its checkpoint, together or not at all. Returns the
 * sessions that had to be parked; undefined when another node has moved the checkpoint: then
 * nothing was done.
 */
export async function applyBatch(
  model: ReadModel,
  batch: Batch,
  idleMsMax: number,
): Promise<readonly ParkedSession[] | undefined> {
  const { from, misplaced, isContended } = batch;
  if (from.position !== START && misplaced.size === 0 && !isContended) {
    try {
      return (await applyAtOnce(model, batch)) ? [] : undefined;
    } catch (failure) {
      if (!isPoison(failure)) throw failure;
    }
  }
  return bisectBatch(model, batch, idleMsMax);
}

/** With two statements, as long as there is no poison event. */
async function applyAtOnce(
  { prepared, projection, table }: ReadModel,
  { events, hasParked, from, to }: Batch,
): Promise<boolean> {
  const { name } = projection;
  const parked = hasParked ? await parkedAmong(prepared, name, events) : new Set();
  const due = events.filter(({ sessionId }) => !parked.has(sessionId));
  const changes = await changesOf(prepared, projection, table, due);
  return writeBatch(prepared, table, name, changes, from, to);
}

/**
 * Writes what a batch changes and moves the checkpoint, in one statement. False when the checkpoint
 * was moved by another node: then nothing was written.
 *
 * The rows that the changes were folded from may have been read before, outside of a transaction:
 * whoever writes rows moves the checkpoint, so while it is at `from` they are as they were. Folding
 * one session again writes rows too, and a swap puts others in their place, without moving the
 * position: both raise `generation` in the same transaction. Of two nodes with the same batch one
 * waits for the other's row of `checkpoints`, then finds it moved.
 *
 * The one exception is a read model that is emptied, which goes back to the start: from there this
 * must not be used.
 */
async function writeBatch(
  database: Queryable,
  table: RowTable,
  name: string,
  { rows, gone }: Changes,
  from: Checkpoint,
  to: Checkpoint,
): Promise<boolean> {
  const values = advancing(name, from, to);
  const add = (value: unknown): string => `$${values.push(value)}`;
  const isAsRead = add(from.generation);
  const isMoved = 'exists (select from moved)';
  const writes: string[] = [];
  const changes: { rows?: string; gone?: [string, string] } = {};
  if (rows !== undefined) {
    changes.rows = add(rows);
    writes.push(`put as (${table.upsertStatement(changes.rows, isMoved)})`);
  }
  if (gone.length > 0) {
    changes.gone = parametersOf(gone).map(add) as [string, string];
    writes.push(`removed as (${table.deleteStatement(...changes.gone, isMoved)})`);
  }
  // Behind the rows: whoever locks both tables locks them in this order.
  if (table.rollup && writes.length > 0) {
    writes.push(`summed as (${table.rollup.changeStatement(changes, isMoved)})`);
  }
  // What a crash of the database undoes, rows and checkpoint alike, is applied again.
  const relaxed = `set_config('synchronous_commit', 'off', true) = 'off'`;
  const moved = await database.query<unknown[]>(
    `with moved as (
         ${ADVANCE} and generation = ${isAsRead} and ${relaxed} returning name
       )
       ${writes.map((write) => `, ${write}`).join('')}
     select from moved`,
    values,
  );
  return moved.length === 1;
}
