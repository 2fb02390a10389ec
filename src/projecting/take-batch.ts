import type { DataSource } from 'typeorm';
import { START } from '../log/event-log.ts';
import type { Batch } from './batch.ts';
import { changesOf } from './changes.ts';
import { isOfContent } from './failures.ts';
import { parkedAmong, type ParkedSession } from './parked.ts';
import type { Projection } from './projection.ts';
import type { RowTable } from './row-table.ts';
import { takeWithCare } from './take-with-care.ts';
import { writeBatch } from './write-batch.ts';

/**
 * Takes a batch into a read model and moves its checkpoint, together or not at all. Answers what
 * sessions it had to set aside; undefined when the checkpoint is elsewhere by now, nothing done.
 */
export async function takeBatch(
  dataSource: DataSource,
  projection: Projection,
  table: RowTable,
  batch: Batch,
  idleMsMax: number,
): Promise<readonly ParkedSession[] | undefined> {
  if (batch.from.position !== START && batch.misplaced.size === 0) {
    try {
      return (await takeAtOnce(dataSource, projection, table, batch)) ? [] : undefined;
    } catch (failure) {
      if (!isOfContent(failure)) throw failure;
    }
  }
  return takeWithCare(dataSource, projection, table, batch, idleMsMax);
}

/** With two statements, as long as nothing is wrong with any event. */
async function takeAtOnce(
  dataSource: DataSource,
  projection: Projection,
  table: RowTable,
  { events, hasParked, from, to }: Batch,
): Promise<boolean> {
  const { name } = projection;
  const passedOver = hasParked ? await parkedAmong(dataSource, name, events) : new Set();
  const due = events.filter(({ sessionId }) => !passedOver.has(sessionId));
  const changes = await changesOf(dataSource, projection, table, due);
  return writeBatch(dataSource, table, name, changes, from, to);
}
