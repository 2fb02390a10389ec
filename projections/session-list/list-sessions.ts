import { rowAsJson, type TableReader } from '../../src/projecting/columns.ts';
import { keysetPage, type KeysetPage, type PageRequest } from '../../src/projecting/keyset-page.ts';
import { currentTotals, SessionRow } from '../sessions.ts';
import { all, conditionsOf, type SessionFilter } from './session-filter.ts';
import { asOfTables, type SessionsAsOf } from './sessions-as-of.ts';
import { Values } from './values.ts';

/** What the list can be ordered by, and where that is stored; ties are broken by the id. */
const sorts = {
  started: { table: 'sessions', column: 'started_at', type: 'text' },
  lastActivity: { table: 'session_order', column: 'last_activity', type: 'text' },
  messages: { table: 'session_order', column: 'messages', type: 'double precision' },
  tokens: { table: 'session_order', column: 'tokens', type: 'double precision' },
  cost: { table: 'session_order', column: 'cost', type: 'double precision' },
  duration: { table: 'session_order', column: 'duration', type: 'double precision' },
  name: { table: 'session_order', column: 'name', type: 'text' },
} as const;

/** By what a list of sessions is ordered. */
export type SessionSort = keyof typeof sorts;
export const sessionSorts = Object.keys(sorts) as [SessionSort, ...SessionSort[]];

/** Whether what a list is ordered by is a number. */
export const isNumeric = (sort: SessionSort): boolean => sorts[sort].type !== 'text';

/** The order of a list of sessions: without one, those that started last come first. */
export interface SessionListOrder {
  readonly sort: SessionSort;
  readonly direction: 'asc' | 'desc';
}
const NEWEST_FIRST: SessionListOrder = { sort: 'started', direction: 'desc' };

/** So many sessions are looked at in the order of the list, before it is made from the filters. */
const WALK = 2_048;

/**
 * A part of the list of sessions. A keyset is the value that the list is ordered by, as text, and
 * the id of a session. Sessions are counted up to `countExactMax`: counting more would cost as much
 * as reading them.
 *
 * A list ordered by anything but the start holds a session as soon as both of its read models do.
 * With `asOf` some sessions are in the list as they were.
 */
export async function listSessions(
  database: TableReader,
  filter: SessionFilter,
  request: PageRequest,
  countExactMax: number,
  order = NEWEST_FIRST,
  count: CountSessions = countSessions,
  asOf?: SessionsAsOf,
): Promise<KeysetPage<SessionRow>> {
  const counting = (): Promise<number> => count(database, filter, countExactMax + 1, asOf);
  const sorting = (): Promise<SortedSession[]> =>
    sortedSessions(database, filter, request, order, asOf);
  // A transaction has one connection, which takes one statement at a time.
  const [total, sessions] = asOf
    ? [await counting(), await sorting()]
    : await Promise.all([counting(), sorting()]);
  const counted = { found: total, exactMax: countExactMax };
  const page = keysetPage(sessions, request.limit, counted, ({ sortKey, id }) => [sortKey, id]);
  const rows = page.rows.flatMap(({ row }) => row ?? []);
  for (const row of rows) row.counted = currentTotals(row.counted);
  return { ...page, rows };
}

/** How many sessions a filter leaves, counted up to `max`. */
export type CountSessions = (
  database: TableReader,
  filter: SessionFilter,
  max: number,
  asOf?: SessionsAsOf,
) => Promise<number>;

/** Counts them now. */
export const countSessions: CountSessions = async (database, filter, max, asOf) => {
  const values = new Values();
  const tables = asOfTables(database, asOf, values);
  const { byIndex, others } = conditionsOf(filter, values);
  const [counted] = await database.query<{ total: number }[]>(
    `${tables.length > 0 ? `with ${tables.join(', ')}` : ''}
     select count(*)::int as total from (
       select 1 from sessions as session where ${all([...byIndex, ...others])}
       limit ${values.add(max)}
     ) as found`,
    values.list,
  );
  return counted?.total ?? 0;
};

/** A session of the list with what it is sorted by; no row while its own read model is behind. */
interface SortedSession {
  readonly id: string;
  readonly sortKey: string;
  readonly row: SessionRow | null;
}

/**
 * The sessions of a page and one more, which shows whether the list goes on.
 *
 * There are two ways: to walk down the list and leave out what does not fit, or to find all that
 * fits and order it. Where few of many sessions fit, the first takes seconds, and where many fit,
 * the second does. The planner does not know how often sessions at the top of the list fit. So the
 * top is walked, and when that is not enough, sessions are known to be few there.
 */
async function sortedSessions(
  database: TableReader,
  filter: SessionFilter,
  request: PageRequest,
  order: SessionListOrder,
  asOf: SessionsAsOf | undefined,
): Promise<SortedSession[]> {
  const walked = new Values();
  const { text, isExact } = walk(filter, request, order, walked);
  const found = await readSortedSessions(database, text, order, walked, asOf);
  if (isExact || found.length > request.limit) return found;
  const values = new Values();
  const all = findAll(filter, request, order, values);
  return readSortedSessions(database, all, order, values, asOf);
}

/** The ids and sort keys that a statement gives, with their sessions, in one query. */
async function readSortedSessions(
  database: TableReader,
  sortKeys: string,
  { direction }: SessionListOrder,
  values: Values,
  asOf: SessionsAsOf | undefined,
): Promise<SortedSession[]> {
  const { columns } = database.getMetadata(SessionRow);
  const tables = [...asOfTables(database, asOf, values), `sorted as (${sortKeys})`];
  return database.query<SortedSession[]>(
    `with ${tables.join(', ')}
     select id, key::text as "sortKey",
       case when session.session_id is not null then ${rowAsJson('session', columns)} end as row
     from sorted left join sessions as session on session.session_id = sorted.id
     order by key ${direction}, id ${direction}`,
    values.list,
  );
}

/** `isExact`: nothing that fits was left out. */
function walk(
  filter: SessionFilter,
  { page, limit, after }: PageRequest,
  { sort, direction }: SessionListOrder,
  values: Values,
): { text: string; isExact: boolean } {
  const { table, column } = sorts[sort];
  const { byIndex, others } = conditionsOf(filter, values);
  // Only the table of sessions has an index that gives this order for one status or one source.
  const isBySessions = table === 'sessions';
  const inside = isBySessions ? byIndex : [];
  const outside = isBySessions ? others : [...byIndex, ...others];
  const offset = after ? 0 : (page - 1) * limit;
  const isExact = outside.length === 0;
  const walked = isExact ? offset + limit + 1 : WALK + offset;
  const text = `
    select ordered.session_id as id, ordered.${column} as key
    from (
      select session.session_id, session.${column} from ${table} as session
      where ${all([...inside, ...beyond(after, sort, direction, values)])}
      order by session.${column} ${direction}, session.session_id ${direction}
      limit ${values.add(walked)}
    ) as ordered
    ${isExact ? '' : 'join sessions as session using (session_id)'}
    where ${all(outside)}
    order by ordered.${column} ${direction}, ordered.session_id ${direction}
    limit ${values.add(limit + 1)} offset ${values.add(offset)}`;
  return { text, isExact };
}

/** What fits is found first: without `materialized` it would be walked to again. */
function findAll(
  filter: SessionFilter,
  { page, limit, after }: PageRequest,
  { sort, direction }: SessionListOrder,
  values: Values,
): string {
  const { table, column } = sorts[sort];
  const { byIndex, others } = conditionsOf(filter, values);
  return `
    with found as materialized (
      select session_id, started_at from sessions as session where ${all([...byIndex, ...others])}
    )
    select session_id as id, ${column} as key
    from found ${table === 'sessions' ? '' : `join ${table} using (session_id)`}
    where ${all(beyond(after, sort, direction, values))}
    order by ${column} ${direction}, session_id ${direction}
    limit ${values.add(limit + 1)} offset ${values.add(after ? 0 : (page - 1) * limit)}`;
}

/** Comparing whole rows goes straight to an entry of an index, however far down the list. */
const beyond = (
  after: PageRequest['after'],
  sort: SessionSort,
  direction: SessionListOrder['direction'],
  values: Values,
): string[] => {
  if (!after) return [];
  const { column, type } = sorts[sort];
  const [sortKey, id] = after.map((value) => values.add(value));
  const comparison = direction === 'asc' ? '>' : '<';
  return [`(${column}, session_id) ${comparison} (${sortKey}::${type}, ${id}::text)`];
};
