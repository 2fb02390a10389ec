import type { ParkedSession } from './parked.ts';
import type { Queryable } from './row-table.ts';

/** A parked session as it is listed. */
export interface ListedParkedSession extends ParkedSession {
  readonly projection: string;
  /** Since when its rows are not kept up to date, as ISO 8601. */
  readonly at: string;
}

/** A timestamp as JavaScript writes it. */
const AT = `to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const COLUMNS = `projection, session_id as "sessionId", revision, event_id as "eventId", error,
  ${AT} as at`;

/** Parked sessions, those that were parked first, up to a number; and how many there are. */
export async function listParked(
  database: Queryable,
  max: number,
): Promise<{ parked: ListedParkedSession[]; total: number }> {
  const found = await database.query<(ListedParkedSession & { total: number })[]>(
    `select ${COLUMNS}, count(*) over ()::int as total from parked
     order by parked.at, projection, session_id limit $1`,
    [max],
  );
  return { parked: found.map(({ total: _, ...one }) => one), total: found[0]?.total ?? 0 };
}

/** A session that a projection has parked, undefined when it has not. */
export async function findParked(
  database: Queryable,
  projection: string,
  sessionId: string,
): Promise<ListedParkedSession | undefined> {
  const [found] = await database.query<ListedParkedSession[]>(
    `select ${COLUMNS} from parked where projection = $1 and session_id = $2`,
    [projection, sessionId],
  );
  return found;
}

/** Since when some sessions are parked in any of some projections; the others are not in it. */
export async function parkedSince(
  database: Queryable,
  projections: readonly string[],
  sessionIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = await database.query<{ sessionId: string; at: string }[]>(
    `select session_id as "sessionId", ${AT} as at
     from (
       select session_id, min(at) as at from parked
       where projection = any($1::text[]) and session_id = any($2::text[])
       group by session_id
     ) as first`,
    [projections, sessionIds],
  );
  return new Map(found.map(({ sessionId, at }) => [sessionId, at]));
}

/** Parks a session, parked or not; its time stands while the event is the same. */
export async function parkAgain(
  database: Queryable,
  projection: string,
  { sessionId, revision, eventId, error }: ParkedSession,
): Promise<void> {
  await database.query(
    `insert into parked (projection, session_id, revision, event_id, error)
     values ($1, $2, $3, $4, $5)
     on conflict (projection, session_id) do update
     set revision = excluded.revision, event_id = excluded.event_id, error = excluded.error,
       at = case when parked.event_id = excluded.event_id then parked.at else excluded.at end`,
    [projection, sessionId, revision, eventId, error],
  );
}

/** Parks a session no longer. */
export async function unpark(
  database: Queryable,
  projection: string,
  sessionId: string,
): Promise<void> {
  await database.query('delete from parked where projection = $1 and session_id = $2', [
    projection,
    sessionId,
  ]);
}
