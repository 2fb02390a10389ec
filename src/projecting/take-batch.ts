import { START } from '../log/event-log.ts';
import type { Batch } from './batch.ts';
import { changesOf } from './changes.ts';
import { isOfContent } from './failures.ts';
import { parkedAmong, type ParkedSession } from './parked.ts';
import type { ReadModel } from './read-model.ts';
import { takeWithCare } from './take-with-care.ts';
import { writeBatch } from './write-batch.ts';

/**
 * Takes a batch into a read model and moves its checkpoint, together or not at all. Answers what
 * sessions it had to set aside; undefined when the checkpoint is elsewhere by now, nothing done.
 */
export async function takeBatch(
  model: ReadModel,
  batch: Batch,
  idleMsMax: number,
): Promise<readonly ParkedSession[] | undefined> {
  if (batch.from.position !== START && batch.misplaced.size === 0) {
    try {
      return (await takeAtOnce(model, batch)) ? [] : undefined;
    } catch (failure) {
      if (!isOfContent(failure)) throw failure;
    }
  }
  return takeWithCare(model, batch, idleMsMax);
}

/** With two statements, as long as nothing is wrong with any event. */
async function takeAtOnce(
  { prepared, projection, table }: ReadModel,
  { events, hasParked, from, to }: Batch,
): Promise<boolean> {
  const { name } = projection;
  const passedOver = hasParked ? await parkedAmong(prepared, name, events) : new Set();
  const due = events.filter(({ sessionId }) => !passedOver.has(sessionId));
  const changes = await changesOf(prepared, projection, table, due);
  return writeBatch(prepared, table, name, changes, from, to);
}
