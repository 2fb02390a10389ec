import type { EntityManager } from 'typeorm';
import type { EventLog } from '../log/event-log.ts';
import { readCheckpoint, type Checkpoint } from './checkpoints.ts';
import { forgetDifferences } from './differences.ts';
import { isPoison } from './failures.ts';
import type { RefusedEvent } from './fold-session.ts';
import type { ParkedSession } from './parked.ts';
import { parkAgain, unpark } from './parked-sessions.ts';
import type { RefoldedModel } from './read-model.ts';
import { findRefusedEvent } from './refused-event.ts';
import { NotRefoldable, SessionReplay, type ReplayLimits } from './session-replay.ts';
import { SessionRows } from './session-rows.ts';
import { skippedEventIds } from './skipped-events.ts';

/** Bounds of a refold, as `config.ts` has them. */
export interface RefoldLimits extends ReplayLimits {
  /** How often it begins again when somebody else has written the rows meanwhile. */
  readonly refoldTriesMax: number;
  /** The database gives up a transaction that hangs for this long. */
  readonly projectionIdleMsMax: number;
}

/** What a refold has made of a session in one read model. */
export interface Refolded {
  /** The event at which it is parked now, undefined when it is not. */
  readonly parked: ParkedSession | undefined;
  /** Rows that were written or deleted. */
  readonly written: number;
}

/**
 * Folds a session again from its first event to the checkpoint of a read model, and replaces those
 * of its rows that differ: afterwards they are what a clean run gives, and the session is parked
 * only if it still has a poison event. Any node may do it while the projections run. Throws
 * `NotRefoldable` when the rows could only become worse.
 */
export async function refoldSession(
  model: RefoldedModel,
  log: EventLog,
  sessionId: string,
  limits: RefoldLimits,
): Promise<Refolded> {
  let refused: RefusedEvent | undefined;
  for (let tries = 0; tries < limits.refoldTriesMax; tries += 1) {
    const work = await begin(model, log, sessionId, limits, refused);
    try {
      const done = await replaceRows(work, limits.projectionIdleMsMax);
      if (done) return done;
    } catch (failure) {
      if (!isPoison(failure)) throw failure;
      // No function throws, and yet the rows cannot be stored: some event before makes them so.
      const { skipped, from } = work;
      const found = await findRefusedEvent(model, log, sessionId, limits, {
        ...{ skipped, refused, position: from.position },
      });
      if (!found || found.eventId === refused?.eventId) throw failure;
      refused = found;
    }
  }
  throw new NotRefoldable('others write to this read model all the time: try again');
}

interface Work {
  readonly model: RefoldedModel;
  readonly replay: SessionReplay;
  readonly rows: SessionRows;
  readonly sessionId: string;
  readonly skipped: ReadonlySet<string>;
  /** The checkpoint that the session was folded to. */
  readonly from: Checkpoint;
}

/** Folds up to the checkpoint as it is now, without any lock. */
async function begin(
  model: RefoldedModel,
  log: EventLog,
  sessionId: string,
  limits: ReplayLimits,
  refused: RefusedEvent | undefined,
): Promise<Work> {
  const { dataSource, projection, table } = model;
  const from = await readCheckpoint(dataSource, projection.name);
  if (from.version !== projection.version || from.epoch !== log.epoch) {
    throw new NotRefoldable('another version of the service keeps this read model');
  }
  const skipped = await skippedEventIds(dataSource, projection.name);
  const options = { skipped, refused };
  const replay = new SessionReplay(projection, log, sessionId, limits, options);
  await replay.advanceTo(from.position);
  if (!replay.fold.poison && replay.fold.revision < 0) {
    throw new NotRefoldable('the log has no event of this session up to the checkpoint');
  }
  return { model, replay, rows: new SessionRows(table, sessionId), sessionId, skipped, from };
}

/**
 * Replaces the rows that differ. Undefined when it must begin again.
 *
 * Which rows differ is found out before any lock is taken. That holds for all rows but those that
 * the projection writes meanwhile, and it writes those that the events after `from` touch. So the
 * lock on the checkpoint's row, which stops the projection on all nodes, is held only to fold those
 * few events and to write. A rebuild that begins meanwhile sets the position back, or changes
 * version or epoch. Another refold of the same session writes what this one would, unless it leaves
 * out one event more; ids are only ever added to those, so their number tells.
 *
 * `generation` is raised with the rows, in one transaction. A projection that read rows before it,
 * outside of a transaction, then fails to move the checkpoint and reads them again: see
 * `writeBatch` in `apply-batch.ts`.
 */
async function replaceRows(work: Work, idleMsMax: number): Promise<Refolded | undefined> {
  const { model, replay, rows, sessionId, from } = work;
  const { dataSource, projection } = model;
  const { fold } = replay;
  const differing = await rows.differences(dataSource, fold.rows, Infinity);
  const keys = new Set(differing.map(({ key }) => key));
  return dataSource.transaction('READ COMMITTED', async (manager) => {
    // A node that hangs with the checkpoint locked must not keep the projection from going on.
    await manager.query(`set local idle_in_transaction_session_timeout = ${idleMsMax}`);
    const now = await lockCheckpoint(manager, projection.name);
    const isSame = now?.version === from.version && now.epoch === from.epoch;
    const isAsFolded = isSame && now.position >= from.position;
    if (!isAsFolded || now.skipped !== work.skipped.size) return undefined;
    for (const key of await replay.advanceTo(now.position)) keys.add(key);
    await rows.write(manager, fold.rows, keys);
    if (fold.poison) await parkAgain(manager, projection.name, fold.poison);
    else await unpark(manager, projection.name, sessionId);
    await forgetDifferences(manager, projection.name, sessionId);
    await manager.query('update checkpoints set generation = generation + 1 where name = $1', [
      projection.name,
    ]);
    return { parked: fold.poison, written: keys.size };
  });
}

/** The checkpoint, which nobody moves until the transaction ends, and how much is skipped. */
async function lockCheckpoint(
  manager: EntityManager,
  name: string,
): Promise<(Checkpoint & { readonly skipped: number }) | undefined> {
  const [found] = await manager.query<(Checkpoint & { readonly skipped: number })[]>(
    'select version, epoch, position from checkpoints where name = $1 for update',
    [name],
  );
  // A statement of its own: the one that waited for the lock sees the moment before it waited.
  const skipped = await skippedEventIds(manager, name);
  return found && { ...found, skipped: skipped.size };
}
