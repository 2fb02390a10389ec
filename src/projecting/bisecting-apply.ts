import type { SessionEvent } from '@playhead/contract';
import type { EntityManager } from 'typeorm';
import { changesOf, type Batch } from './batch-changes.ts';
import { advance } from './checkpoints.ts';
import { isPoison, pure } from './failures.ts';
import { park, parkedAmong, type ParkedSession } from './parked.ts';
import type { ReadModel } from './read-model.ts';

/**
 * Applies a batch that may hold a poison event, in one transaction. Returns as `applyBatch` does.
 */
export function bisectBatch(
  { dataSource, projection, table }: ReadModel,
  batch: Batch,
  idleMsMax: number,
): Promise<readonly ParkedSession[] | undefined> {
  return dataSource.transaction('READ COMMITTED', async (manager) => {
    // What a crash of the database undoes, rows and checkpoint alike, is applied again. A node that
    // hangs with the checkpoint locked must not keep the others from going on.
    await manager.query(
      `set local synchronous_commit = off;
       set local idle_in_transaction_session_timeout = ${idleMsMax}`,
    );
    if (!(await advance(manager, projection.name, batch.from, batch.to))) return undefined;
    const skipped = await parkedAmong(manager, projection.name, batch.events);
    const { misplaced } = batch;
    const work = { manager, projection, table, misplaced, skipped, parked: [] };
    await applyInHalves(work, batch.events);
    return work.parked;
  });
}

/** What events are applied to, in one transaction, and what comes of it. */
export interface Application
  extends Pick<ReadModel, 'projection' | 'table'>, Pick<Batch, 'misplaced'> {
  readonly manager: EntityManager;
  /** Sessions whose events are passed over. */
  readonly skipped: Set<string>;
  /** Those that had to be parked. */
  readonly parked: ParkedSession[];
}

/**
 * Applies all events at once or, when that fails, in halves, down to the poison event. Its session
 * is parked and everything else goes on.
 */
export async function applyInHalves(
  work: Application,
  events: readonly SessionEvent[],
): Promise<void> {
  const { manager } = work;
  const due = events.filter(({ sessionId }) => !work.skipped.has(sessionId));
  const [first] = due;
  if (!first) return;
  await manager.query('savepoint batch');
  try {
    await write(work, due);
  } catch (failure) {
    if (!isPoison(failure)) throw failure;
    await manager.query('rollback to savepoint batch');
    const half = due.length >> 1;
    if (half === 0) {
      work.parked.push(await park(manager, work.projection.name, first, failure));
      work.skipped.add(first.sessionId);
    } else {
      await applyInHalves(work, due.slice(0, half));
      await applyInHalves(work, due.slice(half));
    }
  }
  await manager.query('release savepoint batch');
}

async function write(work: Application, events: readonly SessionEvent[]): Promise<void> {
  const { manager, projection, table } = work;
  pure(() => {
    const fault = events.map(({ id }) => work.misplaced.get(id)).find((text) => text);
    if (fault !== undefined) throw new Error(fault);
  });
  const { rows, gone } = await changesOf(manager, projection, table, events);
  await table.write(manager, rows, gone);
}
