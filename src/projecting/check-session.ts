import { sessionStream } from '@playhead/contract';
import type { EntityManager } from 'typeorm';
import type { EventLog } from '../log/event-log.ts';
import { readCheckpoint, type Checkpoint } from './checkpoints.ts';
import { isPoison, storableMessageOf } from './failures.ts';
import { findParked } from './parked-sessions.ts';
import type { RefoldedModel } from './read-model.ts';
import { NotRefoldable, SessionReplay, type ReplayLimits } from './session-replay.ts';
import { SessionRows, type RowDifference } from './session-rows.ts';
import { skippedEventIds } from './skipped-events.ts';

/** Bounds of a check, as `config.ts` has them. */
export interface CheckLimits extends ReplayLimits {
  /** Sessions with more events are passed over. */
  readonly checkedSessionEventsMax: number;
  /** Differences that one check reports. */
  readonly differencesPerCheckMax: number;
  /** The database gives up a transaction that hangs for this long. */
  readonly projectionIdleMsMax: number;
}

/**
 * Folds a session and compares the result with its rows in a read model; both are of one moment.
 * Undefined when that says nothing now: the session is parked or too long, or its history is not
 * whole, or the read model is another version's or is changed by an operator.
 */
export async function checkSession(
  model: RefoldedModel,
  log: EventLog,
  sessionId: string,
  limits: CheckLimits,
): Promise<RowDifference[] | undefined> {
  const { dataSource, projection } = model;
  const from = await readCheckpoint(dataSource, projection.name);
  if (from.version !== projection.version || from.epoch !== log.epoch) return undefined;
  const skipped = await skippedEventIds(dataSource, projection.name);
  const replay = new SessionReplay(projection, log, sessionId, limits, { skipped });
  try {
    const last = await log.last(sessionStream(sessionId));
    if ((last?.revision ?? 0) >= limits.checkedSessionEventsMax) return undefined;
    await replay.advanceTo(from.position);
    return await compare({ model, replay, sessionId, from, limits });
  } catch (failure) {
    if (failure instanceof NotRefoldable) return undefined;
    throw failure;
  }
}

interface Comparison {
  readonly model: RefoldedModel;
  readonly replay: SessionReplay;
  readonly sessionId: string;
  /** The checkpoint that the session was folded to. */
  readonly from: Checkpoint;
  readonly limits: CheckLimits;
}

function compare(work: Comparison): Promise<RowDifference[] | undefined> {
  const { model, replay, sessionId, from, limits } = work;
  const { dataSource, projection, table } = model;
  // One snapshot: rows and checkpoint are written in one transaction, so the rows seen are the fold
  // of everything up to the position seen. What came since `from` is folded while it is held, which
  // is little; no lock is taken, so nothing waits.
  return dataSource.transaction('REPEATABLE READ', async (manager) => {
    const idleMsMax = limits.projectionIdleMsMax;
    await manager.query(`set local idle_in_transaction_session_timeout = ${idleMsMax}`);
    const now = await checkpointIn(manager, projection.name);
    const isSame =
      now?.version === from.version &&
      now.epoch === from.epoch &&
      now.generation === from.generation;
    if (!isSame || now.position < from.position) return undefined;
    if (await findParked(manager, projection.name, sessionId)) return undefined;
    await replay.advanceTo(now.position);
    const { rows, poison, revision } = replay.fold;
    if (poison) return [poisonDifference(poison.revision, poison.error)];
    try {
      return await new SessionRows(table, sessionId).differences(
        manager,
        rows,
        limits.differencesPerCheckMax,
      );
    } catch (failure) {
      if (!isPoison(failure)) throw failure;
      return [poisonDifference(revision, storableMessageOf(failure))];
    }
  });
}

async function checkpointIn(
  manager: EntityManager,
  name: string,
): Promise<Pick<Checkpoint, 'version' | 'epoch' | 'position' | 'generation'> | undefined> {
  const [found] = await manager.query<Checkpoint[]>(
    'select version, epoch, position, generation from checkpoints where name = $1',
    [name],
  );
  return found;
}

const poisonDifference = (revision: number, error: string): RowDifference => ({
  ...({ kind: 'poison', key: '', column: '', stored: null } as const),
  ...{ revision, expected: `cannot be folded: ${error}` },
});
