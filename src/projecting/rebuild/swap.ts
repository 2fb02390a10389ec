import { setTimeout as sleep } from 'node:timers/promises';
import { QueryFailedError, type DataSource, type EntityManager } from 'typeorm';
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
import { compareCopies, unaccepted, type Comparison } from './compare.ts';
import { dropCopy, exchangeTables, prepareExchange } from './copy-tables.ts';

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

/** What a swap did. */
export interface Swapped {
  /** Version that is read from now on. */
  readonly version: number;
  /** Milliseconds for which readers may have waited. */
  readonly pauseMs: number;
  readonly position: string;
}

/** The tables of a projection: the one that is read, and a copy. */
const tablesOf = (
  dataSource: DataSource,
  projection: Projection,
  kind: CopyKind,
): { live: RowTable; copy: RowTable } => ({
  live: new RowTable(dataSource, projection),
  copy: new RowTable(dataSource, copyOf(projection, kind)),
});

/**
 * Compares the rows that are read with a copy at one position. Throws `CannotSwap` when there is no
 * copy, or it does not catch up.
 */
export async function verifyCopy(
  context: CopyContext,
  projection: Projection,
  kind: CopyKind,
): Promise<Comparison> {
  for (let tries = 1; ; tries += 1) {
    const compared = await tryVerify(context, projection, kind);
    if (compared) return compared;
    // A node moved the copy on between the lock and the snapshot.
    if (tries >= context.limits.swapTriesMax) throw new CannotSwap('the copies never met', true);
  }
}

async function tryVerify(
  context: CopyContext,
  projection: Projection,
  kind: CopyKind,
): Promise<Comparison | undefined> {
  const { dataSource } = context;
  const snapshot = dataSource.createQueryRunner();
  try {
    await snapshot.startTransaction('REPEATABLE READ');
    const at = await meetingPoint(context, projection, kind, snapshot.manager);
    if (!at) return undefined;
    const { live, copy } = tablesOf(dataSource, projection, kind);
    const changed = at.live.version === at.copy.version ? [] : (projection.changedColumns ?? []);
    const sides = kind === 'rebuild' ? { old: live, new: copy } : { old: copy, new: live };
    return await compareCopies(snapshot.manager, sides, at.live.position, changed);
  } finally {
    if (snapshot.isTransactionActive) await snapshot.rollbackTransaction();
    await snapshot.release();
  }
}

interface Met {
  readonly live: CheckpointState;
  readonly copy: CheckpointState;
}

/**
 * Brings both copies to one position and takes the snapshot there. The rows of the live copy cannot
 * change while its checkpoint is locked, so a snapshot that is taken meanwhile holds that position;
 * the copy has been committed there before.
 */
async function meetingPoint(
  context: CopyContext,
  projection: Projection,
  kind: CopyKind,
  snapshot: EntityManager,
): Promise<Met | undefined> {
  const name = copyName(projection.name, kind);
  const holder = context.dataSource.createQueryRunner();
  try {
    await holder.startTransaction('READ COMMITTED');
    await context.dataSource.transaction('READ COMMITTED', async (manager) => {
      const copy = await lockedCopy(manager, name);
      await liveAt(context, projection.name, copy);
      const live = await findCheckpoint(holder.manager, projection.name, 'for update');
      if (live) await catchUp(context, manager, projection, kind, copy, live);
    });
    // The first statement of a repeatable read takes its snapshot.
    const [live, copy] = [
      await findCheckpoint(snapshot, projection.name),
      await findCheckpoint(snapshot, name),
    ];
    return live && copy && live.position === copy.position ? { live, copy } : undefined;
  } finally {
    if (holder.isTransactionActive) await holder.rollbackTransaction();
    await holder.release();
  }
}

async function lockedCopy(manager: EntityManager, name: string): Promise<CheckpointState> {
  const copy = await findCheckpoint(manager, name, 'for update');
  if (!copy) throw new CannotSwap(`there is no copy ${name}`);
  return copy;
}

/** The live checkpoint, once it is at least where the other one, which is locked, stands. */
async function liveAt(
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
async function catchUp(
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

/**
 * Makes a copy the one that is read, in one transaction; the other is kept as the previous one.
 * Readers wait while it holds the tables, never longer than the lock time-out while it waits for
 * them. Throws `CannotSwap` when a reader holds a table for too long, again and again.
 */
export async function swapCopy(
  context: CopyContext,
  projection: Projection,
  kind: CopyKind,
): Promise<Swapped> {
  await prepareExchange(context.dataSource);
  for (let tries = 1; ; tries += 1) {
    try {
      return await trySwap(context, projection, kind);
    } catch (failure) {
      if (!isLockTimeout(failure)) throw failure;
      if (tries >= context.limits.swapTriesMax) {
        throw new CannotSwap(
          `a transaction has been reading ${projection.name} all the while: end it and try again`,
          true,
        );
      }
      await sleep(context.limits.swapLockTimeoutMs * (1 + Math.random()));
    }
  }
}

/**
 * Whoever writes rows locks the table first and the checkpoint's row second, both in one statement.
 * So tables are locked first here as well: with the row locked a writer would hold the table and
 * wait for the row, and this for the table. Where a batch is applied with care it is the other way
 * round; then the lock time-out ends this try.
 */
async function trySwap(
  context: CopyContext,
  projection: Projection,
  kind: CopyKind,
): Promise<Swapped> {
  const { dataSource, limits } = context;
  const { live: table, copy: copyTable } = tablesOf(dataSource, projection, kind);
  let begun = 0;
  const done = await dataSource.transaction('READ COMMITTED', async (manager) => {
    // What a crash undoes is undone whole: nobody need wait for the disk while readers wait.
    await manager.query(
      `set local lock_timeout = ${limits.swapLockTimeoutMs}; set local synchronous_commit = off`,
    );
    // Nobody reads the copy: from here on it stands still, and catches up before readers wait.
    await manager.query(`lock table ${copyTable.layout.table} in access exclusive mode`);
    const copy = await lockedCopy(manager, copyName(projection.name, kind));
    const seen = await liveAt(context, projection.name, copy);
    const nearly = await catchUp(context, manager, projection, kind, copy, seen);
    if (kind === 'rebuild') {
      await dropCopy(manager, projection.name, 'previous', table);
      await manager.query('delete from rebuilds where projection = $1', [projection.name]);
    }
    begun = performance.now();
    await manager.query(`lock table ${table.layout.table} in access exclusive mode`);
    const live = await findCheckpoint(manager, projection.name, 'for update');
    if (!live) throw new CannotSwap(`there is no read model ${projection.name}`);
    await catchUp(context, manager, projection, kind, nearly, live);
    await exchangeTables(manager, projection.name, kind, table);
    return { version: copy.version, position: live.position };
  });
  return { ...done, pauseMs: performance.now() - begun };
}

const LOCK_NOT_AVAILABLE = '55P03';

const isLockTimeout = (failure: unknown): boolean =>
  failure instanceof QueryFailedError &&
  (failure.driverError as { code?: unknown }).code === LOCK_NOT_AVAILABLE;

/** Throws `CannotSwap` when rows differ in what is neither declared nor accepted. */
export function demandProof(compared: Comparison, accepted: readonly string[]): void {
  const names = unaccepted(compared, accepted);
  if (names.length === 0) return;
  throw new CannotSwap(`rows differ in ${names.join(', ')}: accept that by name, or cancel`);
}
