import type { EntityManager } from 'typeorm';
import { START, type EventLog } from '../log/event-log.ts';
import { isPoison, storableMessageOf } from './failures.ts';
import type { FoldOptions, RefusedEvent } from './fold-session.ts';
import type { RefoldedModel } from './read-model.ts';
import { SessionReplay, type ReplayLimits } from './session-replay.ts';
import { SessionRows } from './session-rows.ts';

/** How a session is folded, and how far. */
interface Trial extends FoldOptions {
  readonly position: string;
}

/**
 * The first event of a session after which Postgres does not take the rows; undefined when it takes
 * them after each. It is found by storing them page by page, then event by event, as a projection
 * would, in a temporary table.
 */
export function findRefusedEvent(
  { dataSource, projection, table }: RefoldedModel,
  log: EventLog,
  sessionId: string,
  limits: ReplayLimits,
  { position, ...options }: Trial,
): Promise<RefusedEvent | undefined> {
  const { table: name } = table.layout;
  return dataSource.transaction('READ COMMITTED', async (manager) => {
    // A temporary table hides the one of the same name, on this connection and until it commits:
    // all statements go there, with the same types, constraints and indexes, and touch no real row.
    await manager.query(
      `create temporary table ${name} (like ${name} including all) on commit drop`,
    );
    const rows = new SessionRows(table, sessionId);
    const replay = (): SessionReplay =>
      new SessionReplay(projection, log, sessionId, limits, options);
    const storable = await lastStorable(manager, rows, replay(), position);
    if (storable === undefined) return undefined;
    return firstRefused(manager, rows, replay(), { storable, position });
  });
}

/** The position before the page that cannot be stored; undefined when all can. */
async function lastStorable(
  manager: EntityManager,
  rows: SessionRows,
  replay: SessionReplay,
  position: string,
): Promise<string | undefined> {
  let stored = START;
  try {
    await replay.advanceTo(position, async (changed, events) => {
      await tryWrite(manager, () => rows.write(manager, replay.fold.rows, changed));
      stored = events.at(-1)?.position ?? stored;
    });
    return undefined;
  } catch (failure) {
    if (!isPoison(failure)) throw failure;
    return stored;
  }
}

/** The rows up to `storable` are in the table already. */
async function firstRefused(
  manager: EntityManager,
  rows: SessionRows,
  replay: SessionReplay,
  { storable, position }: { readonly storable: string; readonly position: string },
): Promise<RefusedEvent | undefined> {
  await replay.advanceTo(storable);
  let eventId: string | undefined;
  try {
    const store = async (changed: ReadonlySet<string>, [event]: readonly { id: string }[]) => {
      eventId = event?.id;
      await tryWrite(manager, () => rows.write(manager, replay.fold.rows, changed));
    };
    await replay.advanceTo(position, store, 1);
    return undefined;
  } catch (failure) {
    if (!isPoison(failure) || eventId === undefined) throw failure;
    return { eventId, error: storableMessageOf(failure) };
  }
}

/** A statement that fails must not end the transaction: what was stored before is still needed. */
async function tryWrite(manager: EntityManager, write: () => Promise<void>): Promise<void> {
  await manager.query('savepoint trial');
  try {
    await write();
  } catch (failure) {
    await manager.query('rollback to savepoint trial');
    throw failure;
  }
  await manager.query('release savepoint trial');
}
