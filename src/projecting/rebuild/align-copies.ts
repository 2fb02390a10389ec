import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, EntityManager } from 'typeorm';
import type { EventLog } from '../../log/event-log.ts';
import { applyInHalves } from '../bisecting-apply.ts';
import {
  advance,
  checkpointAt,
  findCheckpoint,
  markMixed,
  type Checkpoint,
  type CheckpointState,
} from '../checkpoints.ts';
import { copyName, copyOf, logicOf, type CopyKind } from '../copies.ts';
import { sessionEventsOf } from '../event-source.ts';
import { parkedAmong } from '../parked.ts';
import type { Projection } from '../projection.ts';
import { RowTable } from '../row-table.ts';
import { CannotSwap } from './cannot-swap.ts';

/** Bounds of a swap. */
export interface SwapLimits {
  readonly projectionBatchMax: number;
  /** A copy that is further behind than so many events must catch up first. */
  readonly rebuildBehindMax: number;
  /** How long a swap keeps readers waiting at most while it waits for those before them. */
  readonly swapLockTimeoutMs: number;
  /** How often it tries. */
  readonly swapTriesMax: number;
  /** Milliseconds to wait for the copy that is behind. */
  readonly swapDeadlineMs: number;
}

/** What copies are aligned, compared and swapped with. */
export interface CopyContext {
  readonly dataSource: DataSource;
  readonly log: EventLog;
  readonly limits: SwapLimits;
}

/** The tables of a projection: the one that is read, and a copy. */
export const tablesOf = (
  dataSource: DataSource,
  projection: Projection,
  kind: CopyKind,
): { live: RowTable; copy: RowTable } => ({
  live: new RowTable(dataSource, projection),
  copy: new RowTable(dataSource, copyOf(projection, kind)),
});

/** The checkpoint of a copy, which stands still until the transaction ends. */
export async function lockedCopy(manager: EntityManager, name: string): Promise<CheckpointState> {
  const copy = await findCheckpoint(manager, name, 'for update');
  if (!copy) throw new CannotSwap(`there is no copy ${name}`);
  return copy;
}

/** The live checkpoint, once it is at least where the other one, which is locked, stands. */
export async function liveAt(
  { dataSource, log, limits }: CopyContext,
  name: string,
  copy: Checkpoint,
): Promise<Checkpoint> {
  for (const deadline = Date.now() + limits.swapDeadlineMs; ;) {
    const live = await findCheckpoint(dataSource.manager, name);
    if (!live || live.epoch !== copy.epoch || copy.epoch !== log.epoch) {
      throw new CannotSwap('the copies are of different logs');
    }
    if (live.position >= copy.position) return live;
    if (Date.now() > deadline)
      throw new CannotSwap(`${name} does not come to ${copy.position}`, true);
    await sleep(20);
  }
}

/** Applies to a copy, whose checkpoint is locked, what the live one has taken and it has not. */
export async function catchUp(
  { log, limits }: CopyContext,
  manager: EntityManager,
  projection: Projection,
  kind: CopyKind,
  copy: CheckpointState,
  to: Checkpoint,
): Promise<CheckpointState> {
  const name = copyName(projection.name, kind);
  const logic = logicOf(projection, copy.version);
  const model = copyOf(logic ?? projection, kind);
  const table = new RowTable(manager.connection, model);
  let from = copy;
  for (let taken = 0; from.position < to.position;) {
    const page = await log.readAll({ after: from.position, limit: limits.projectionBatchMax });
    const due = page.filter(({ position }) => position <= to.position);
    const last = due.at(-1);
    if (!last) throw new CannotSwap(`the log has nothing up to ${to.position}`);
    taken += due.length;
    if (taken > limits.rebuildBehindMax) throw new CannotSwap(`${name} is too far behind`, true);
    const events = sessionEventsOf(due).filter(({ id }) => !copy.skipped.includes(id));
    const skipped = await parkedAmong(manager, name, events);
    const misplaced = new Map<string, string>();
    const application = { manager, projection: model, table, misplaced, skipped, parked: [] };
    await applyInHalves(application, events);
    const next = { ...from, ...checkpointAt(from, last) };
    if (!(await advance(manager, name, from, next))) throw new CannotSwap(`${name} moved on`, true);
    from = next;
  }
  if (!logic && from !== copy) await markMixed(manager, name, copy.version);
  return from;
}
