import { cleanse, type SessionEvent } from '@playhead/contract';
import type { DataSource, EntityManager } from 'typeorm';
import { advance, type Checkpoint } from './checkpoints.ts';
import { isOfContent, messageOf, pure } from './failures.ts';
import { fold, touchesOf } from './fold.ts';
import type { Projection } from './projection.ts';
import type { RowTable } from './row-table.ts';

/** Events on their way into a read model. */
export interface Batch {
  readonly events: readonly SessionEvent[];
  /** What is wrong with the place of an event in its session, by the event's id. */
  readonly misplaced: ReadonlyMap<string, string>;
  readonly from: Checkpoint;
  readonly to: Checkpoint;
}

/** A session whose events a projection passes over, since one of them could not be taken. */
export interface ParkedSession {
  readonly sessionId: string;
  readonly revision: number;
  readonly eventId: string;
  readonly error: string;
}

/**
 * Takes a batch into a read model and moves its checkpoint, in one transaction. Answers what
 * sessions it had to set aside; undefined when the checkpoint is elsewhere by now, nothing done.
 */
export function takeBatch(
  dataSource: DataSource,
  projection: Projection,
  table: RowTable,
  batch: Batch,
  idleMsMax: number,
): Promise<readonly ParkedSession[] | undefined> {
  return dataSource.transaction('READ COMMITTED', async (manager) => {
    // What a crash of the database takes back, rows and checkpoint alike, is taken again. A node
    // that hangs with the checkpoint locked must not keep the others from going on.
    await manager.query(
      `set local synchronous_commit = off;
       set local idle_in_transaction_session_timeout = ${idleMsMax}`,
    );
    if (!(await advance(manager, projection.name, batch.from, batch.to))) return undefined;
    const passedOver = await parkedAmong(manager, projection.name, batch.events);
    const { misplaced } = batch;
    const work = { manager, projection, table, misplaced, passedOver, parked: [] };
    await apply(work, batch.events);
    return work.parked;
  });
}

interface Work extends Pick<Batch, 'misplaced'> {
  readonly manager: EntityManager;
  readonly projection: Projection;
  readonly table: RowTable;
  readonly passedOver: Set<string>;
  readonly parked: ParkedSession[];
}

/**
 * All events at once or, when something about them fails, in halves, down to the event at fault.
 * That one's session is set aside and everything else goes on.
 */
async function apply(work: Work, events: readonly SessionEvent[]): Promise<void> {
  const { manager } = work;
  const due = events.filter(({ sessionId }) => !work.passedOver.has(sessionId));
  const [first] = due;
  if (!first) return;
  await manager.query('savepoint batch');
  try {
    await write(work, due);
  } catch (failure) {
    if (!isOfContent(failure)) throw failure;
    await manager.query('rollback to savepoint batch');
    const half = due.length >> 1;
    if (half === 0) {
      await park(work, first, failure);
    } else {
      await apply(work, due.slice(0, half));
      await apply(work, due.slice(half));
    }
  }
  await manager.query('release savepoint batch');
}

async function write(work: Work, events: readonly SessionEvent[]): Promise<void> {
  const { manager, projection, table } = work;
  const touches = pure(() => {
    const fault = events.map(({ id }) => work.misplaced.get(id)).find((text) => text);
    if (fault !== undefined) throw new Error(fault);
    return touchesOf(projection, events);
  });
  if (touches.length === 0) return;
  const keys = new Map(touches.map(({ name, key }) => [name, key]));
  const before = await table.load(manager, [...keys.values()]);
  const { rows, gone } = pure(() => fold(projection, before, touches));
  if (rows.length > 0)
    await table.put(
      manager,
      pure(() => table.encode(rows)),
    );
  if (gone.length > 0)
    await table.remove(
      manager,
      gone.flatMap((name) => keys.get(name) ?? []),
    );
}

async function park(work: Work, event: SessionEvent, failure: unknown): Promise<void> {
  const { sessionId, revision, id: eventId } = event;
  // The message may quote the very text that Postgres could not take.
  const error = cleanse(messageOf(failure).slice(0, ERROR_LENGTH_MAX)).value;
  await work.manager.query(
    `insert into parked (projection, session_id, revision, event_id, error)
     values ($1, $2, $3, $4, $5)`,
    [work.projection.name, sessionId, revision, eventId, error],
  );
  work.passedOver.add(sessionId);
  work.parked.push({ sessionId, revision, eventId, error });
}

const ERROR_LENGTH_MAX = 1_000;

async function parkedAmong(
  manager: EntityManager,
  projection: string,
  events: readonly SessionEvent[],
): Promise<Set<string>> {
  const sessionIds = [...new Set(events.map(({ sessionId }) => sessionId))];
  const parked = await manager.query<{ sessionId: string }[]>(
    `select session_id as "sessionId" from parked
     where projection = $1 and session_id = any ($2::text[])`,
    [projection, sessionIds],
  );
  return new Set(parked.map(({ sessionId }) => sessionId));
}
