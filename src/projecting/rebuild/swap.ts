import { setTimeout as sleep } from 'node:timers/promises';
import { QueryFailedError, type EntityManager } from 'typeorm';
import { START } from '../../log/event-log.ts';
import { findCheckpoint, type CheckpointState } from '../checkpoints.ts';
import { copyName, type CopyKind } from '../copies.ts';
import type { Projection } from '../projection.ts';
import { catchUp, liveAt, lockedCopy, tablesOf, type CopyContext } from './align-copies.ts';
import { CannotSwap } from './cannot-swap.ts';
import { compareCopies, unaccepted, type Comparison } from './compare.ts';
import { dropCopy, exchangeTables, prepareExchange } from './copy-tables.ts';

/** What a swap did. */
export interface Swapped {
  /** Version that is read from now on. */
  readonly version: number;
  /** Milliseconds for which readers may have waited. */
  readonly pauseMs: number;
  readonly position: string;
}

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
  return withinLockTimeout(context, projection, () => trySwap(context, projection, kind));
}

/**
 * The same where the table that is read has never been filled: nothing of it is kept. Throws
 * `CannotSwap` when it has been filled since.
 */
export function installCopy(context: CopyContext, projection: Projection): Promise<Swapped> {
  const { dataSource, limits } = context;
  const { name } = projection;
  const { live: table, copy: copyTable } = tablesOf(dataSource, projection, 'rebuild');
  return withinLockTimeout(context, projection, async () => {
    const begun = performance.now();
    const done = await dataSource.transaction('READ COMMITTED', async (manager) => {
      await manager.query(`set local lock_timeout = ${limits.swapLockTimeoutMs}`);
      const tables = `${copyTable.lockedTables}, ${table.lockedTables}`;
      await manager.query(`lock table ${tables} in access exclusive mode`);
      const { version, position } = await lockedCopy(manager, copyName(name, 'rebuild'));
      const live = await findCheckpoint(manager, name, 'for update');
      if (live?.position !== START) throw new CannotSwap(`${name} was built meanwhile`, true);
      await dropCopy(manager, name, 'previous', table);
      await exchangeTables(manager, name, 'rebuild', table);
      await dropCopy(manager, name, 'previous', table);
      await manager.query('delete from rebuilds where projection = $1', [name]);
      return { version, position };
    });
    return { ...done, pauseMs: performance.now() - begun };
  });
}

async function withinLockTimeout(
  context: CopyContext,
  projection: Projection,
  swap: () => Promise<Swapped>,
): Promise<Swapped> {
  await prepareExchange(context.dataSource);
  for (let tries = 1; ; tries += 1) {
    try {
      return await swap();
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
    await manager.query(`lock table ${copyTable.lockedTables} in access exclusive mode`);
    const copy = await lockedCopy(manager, copyName(projection.name, kind));
    const seen = await liveAt(context, projection.name, copy);
    const nearly = await catchUp(context, manager, projection, kind, copy, seen);
    if (kind === 'rebuild') {
      await dropCopy(manager, projection.name, 'previous', table);
      await manager.query('delete from rebuilds where projection = $1', [projection.name]);
    }
    // Nobody writes from here on, and everybody reads.
    await manager.query(`lock table ${table.lockedTables} in exclusive mode`);
    const live = await findCheckpoint(manager, projection.name, 'for update');
    if (!live) throw new CannotSwap(`there is no read model ${projection.name}`);
    await catchUp(context, manager, projection, kind, nearly, live);
    // Who reads now is waited for, and who comes waits.
    begun = performance.now();
    await manager.query(`lock table ${table.lockedTables} in access exclusive mode`);
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
