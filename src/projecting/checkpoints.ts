import { cleanse } from '@playhead/contract';
import type { DataSource, EntityManager } from 'typeorm';
import { codeOfFault, START, type EventLog, type RecordedEvent } from '../log/event-log.ts';
import type { ReadModel } from './read-model.ts';

/** How far a read model is, and what built it. */
export interface Checkpoint {
  readonly version: number;
  /** The log that `position` means something in. */
  readonly epoch: string;
  /** Everything up to here has been applied. */
  readonly position: string;
  /** The event at `position`; null at the start. */
  readonly eventId: string | null;
  readonly stream: string | null;
  readonly revision: number | null;
  /**
   * Raised when rows change without the checkpoint moving on, or other rows take their place: who
   * read rows before must read them again.
   */
  readonly generation: number;
}

/** A checkpoint as last read. */
export interface CheckpointState extends Checkpoint {
  /** How many sessions are parked. */
  readonly parked: number;
  /** Another version than its own has gone on with its rows. */
  readonly mixed: boolean;
  /** When these rows were swapped out; null where they are read or wait to be. */
  readonly retiredAt: Date | null;
  /** Events that an operator has taken out. */
  readonly skipped: readonly string[];
}

/** The checkpoint of a projection; a new one stands at the start and belongs to nobody. */
export async function readCheckpoint(
  dataSource: DataSource,
  name: string,
): Promise<CheckpointState> {
  const found = await findCheckpoint(dataSource, name);
  if (found) return found;
  await dataSource.query(
    `insert into checkpoints (name, version, epoch, position) values ($1, 0, '', $2)
     on conflict do nothing`,
    [name, START],
  );
  return readCheckpoint(dataSource, name);
}

/** A checkpoint that may not be there; `lock` is what the statement ends with. */
export async function findCheckpoint(
  database: Pick<EntityManager, 'query'>,
  name: string,
  lock = '',
): Promise<CheckpointState | undefined> {
  const [found] = await database.query<CheckpointState[]>(
    `select version, epoch, position, event_id as "eventId", stream, revision, generation, mixed,
       retired_at as "retiredAt",
       array(select event_id from skipped_events
         where projection = split_part(checkpoints.name, '@', 1)) as skipped,
       (select count(*)::int from parked where projection = checkpoints.name) as parked
     from checkpoints where name = $1 ${lock}`,
    [name],
  );
  return found;
}

/** The checkpoint after an event. */
export const checkpointAt = (checkpoint: Checkpoint, event: RecordedEvent): Checkpoint => ({
  version: checkpoint.version,
  epoch: checkpoint.epoch,
  position: event.position,
  eventId: event.id,
  // Another program may have written to the log what no table can hold.
  stream: cleanse(event.stream).value,
  revision: event.revision,
  generation: checkpoint.generation,
});

/** Moves a checkpoint on if it is where it was; `$1` to `$11` are the values of `advancing`. */
export const ADVANCE = `
  update checkpoints set version = $2, epoch = $3, position = $4, event_id = $5, stream = $6,
    revision = $7
  where name = $1 and version = $8 and epoch = $9 and position = $10
    and event_id is not distinct from $11`;

/** The values of `ADVANCE`. */
export const advancing = (name: string, from: Checkpoint, to: Checkpoint): unknown[] => [
  ...[name, to.version, to.epoch, to.position, to.eventId, to.stream, to.revision],
  ...[from.version, from.epoch, from.position, from.eventId],
];

/**
 * Moves a checkpoint on, unless it is no longer where it was: false then, and nothing may be
 * written. Its row stays locked until the transaction ends: of two nodes with the same batch
 * one waits here and then finds that it was done. `generation` does not matter here: rows that are
 * read after this are as the last refold or swap has left them, and the next one waits.
 */
export async function advance(
  manager: EntityManager,
  name: string,
  from: Checkpoint,
  to: Checkpoint,
): Promise<boolean> {
  const [, moved] = await manager.query<[unknown, number]>(ADVANCE, advancing(name, from, to));
  return moved === 1;
}

/** Notes that another version goes on with the rows of this one. */
export async function markMixed(
  database: Pick<EntityManager, 'query'>,
  name: string,
  version: number,
): Promise<void> {
  await database.query('update checkpoints set mixed = true where name = $1 and version = $2', [
    name,
    version,
  ]);
}

/** Whether a checkpoint is of this log, and the log still has the event that it stands at. */
export async function isInLog(log: EventLog, checkpoint: Checkpoint): Promise<boolean> {
  const { epoch, position, eventId, stream, revision } = checkpoint;
  if (epoch !== log.epoch) return false;
  if (position === START) return true;
  if (stream === null || revision === null) return false;
  try {
    const [event] = await log.read(stream, { after: revision - 1, limit: 1 });
    return event?.id === eventId && event?.position === position;
  } catch (fault) {
    // The stream was deleted on the server since: this is the log that had it.
    if (codeOfFault(fault) === 'deleted') return true;
    throw fault;
  }
}

/**
 * Empties a read model for a rebuild: rows, parked sessions and checkpoint in one transaction.
 * False when the checkpoint is no longer as `expected`.
 */
export function startRebuild(
  { dataSource, projection, table }: ReadModel,
  expected: Checkpoint,
  epoch: string,
): Promise<boolean> {
  const { name, version } = projection;
  return dataSource.transaction('READ COMMITTED', async (manager) => {
    // A truncate that waits for a long reader makes every later reader wait for it.
    await manager.query(`set local lock_timeout = '2s'`);
    const { generation } = expected;
    const nowhere = { position: START, eventId: null, stream: null, revision: null };
    const start = { version, epoch, ...nowhere, generation };
    if (!(await advance(manager, name, expected, start))) return false;
    await manager.query('update checkpoints set mixed = false where name = $1', [name]);
    await table.truncate(manager);
    await manager.query('delete from parked where projection = $1', [name]);
    await manager.query('delete from differences where projection = $1', [name]);
    return true;
  });
}
