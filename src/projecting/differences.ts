import type { EntityManager } from 'typeorm';
import type { Queryable } from './row-table.ts';
import type { RowDifference } from './session-rows.ts';

/** Characters of a key that are kept: two ids and a key fit into an index. */
const KEY_LENGTH_MAX = 300;

/** A difference as it is listed. */
export interface ListedDifference extends RowDifference {
  readonly sessionId: string;
  /** When it was found last, as ISO 8601. */
  readonly foundAt: string;
}

/** The differences that were found in a read model and not healed since, the last ones first. */
export function listDifferences(
  database: Queryable,
  projection: string,
  max: number,
): Promise<ListedDifference[]> {
  return database.query(
    `select session_id as "sessionId", kind, key, column_name as "column", revision, expected,
       stored, to_char(found_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "foundAt"
     from differences where projection = $1
     order by found_at desc, session_id, key, column_name limit $2`,
    [projection, max],
  );
}

/**
 * Keeps what a check of a session has found in place of what the one before has, as long as there
 * are no more than `max` of the projection.
 */
export async function keepDifferences(
  manager: EntityManager,
  projection: string,
  sessionId: string,
  found: readonly RowDifference[],
  max: number,
): Promise<void> {
  await forgetDifferences(manager, projection, sessionId);
  if (found.length === 0) return;
  await manager.query(
    `insert into differences
       (projection, session_id, key, column_name, kind, revision, expected, stored)
     select $1, $2, left(found.key, ${KEY_LENGTH_MAX}), "column", kind, revision, expected, stored
     from json_to_recordset($3::json) as found
       (key text, "column" text, kind text, revision integer, expected text, stored text)
     limit greatest(0, $4 - (select count(*) from differences where projection = $1))
     on conflict do nothing`,
    [projection, sessionId, JSON.stringify(found), max],
  );
}

/** Forgets what was found in a session: it was healed, or is checked again. */
export async function forgetDifferences(
  database: Queryable,
  projection: string,
  sessionId: string,
): Promise<void> {
  await database.query('delete from differences where projection = $1 and session_id = $2', [
    projection,
    sessionId,
  ]);
}
