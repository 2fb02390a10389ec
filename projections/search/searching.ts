import type { SessionSource, SessionStatus } from '@playhead/contract';
import { QueryFailedError, type DataSource, type EntityManager } from 'typeorm';

/** What narrows a search; together, all must hold. */
export interface SearchFilter {
  readonly statuses?: readonly SessionStatus[] | undefined;
  readonly sources?: readonly SessionSource[] | undefined;
  /** One of them some participant of the session has. */
  readonly agentTypes?: readonly string[] | undefined;
  /** Bounds of the start of a session and of the time of a message, as comparable instants. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** How far a search goes, as `config.ts` has it. */
export interface SearchLimits {
  readonly searchFirstMax: number;
  readonly searchNewestMax: number;
  readonly searchHitsMax: number;
  readonly searchStatementMs: number;
}

/** The newest hits, and whether there are or may be more. */
export interface Hits<Hit> {
  readonly hits: readonly Hit[];
  readonly isTruncated: boolean;
}

/** What an index led to: the newest hits among so many that were looked at. */
export interface Indexed<Hit> {
  readonly hits: readonly Hit[];
  readonly looked: number;
}

/** Two ways to search, each for one hit more than is wanted; undefined when out of time. */
export interface Ways<Hit> {
  /** Goes through so many of the newest rows one by one. */
  readonly amongNewest: (rows: number) => Promise<readonly Hit[] | undefined>;
  readonly byIndex: () => Promise<Indexed<Hit> | undefined>;
  /** Names a hit. */
  readonly nameOf: (hit: Hit) => string;
}

/**
 * The newest hits, at most `limit`. Neither way serves all words: a common one is soon found among
 * the newest rows, but an index leads to so many that sorting them takes long; for a rare one it is
 * the other way round. One in between may need the longer look at the newest rows.
 */
export async function newestHits<Hit>(
  { amongNewest, byIndex, nameOf }: Ways<Hit>,
  limit: number,
  limits: SearchLimits,
): Promise<Hits<Hit>> {
  const first = await amongNewest(limits.searchFirstMax);
  if (first && first.length > limit) return { hits: first.slice(0, limit), isTruncated: true };
  const indexed = await byIndex();
  if (indexed && indexed.looked < limits.searchHitsMax) {
    return { hits: indexed.hits.slice(0, limit), isTruncated: indexed.hits.length > limit };
  }
  const newest = (await amongNewest(limits.searchNewestMax)) ?? first ?? [];
  // Those that the index led to and that are not here come from before the newest rows.
  const all = new Map([...newest, ...(indexed?.hits ?? [])].map((hit) => [nameOf(hit), hit]));
  return { hits: [...all.values()].slice(0, limit), isTruncated: true };
}

/** The rows of a statement that has a row without a hit, to tell how many were looked at. */
export const asIndexed = <Hit extends { readonly sessionId: string }>(
  rows: readonly (Hit & { looked: number })[] | undefined,
): Indexed<Hit> | undefined =>
  rows && {
    looked: rows[0]?.looked ?? 0,
    hits: rows.filter(({ sessionId }) => (sessionId as string | null) !== null),
  };

/** The values of a statement, each under the number it is given. */
export class Values {
  readonly list: unknown[] = [];

  /** The placeholder of a value. */
  add(value: unknown): string {
    return `$${this.list.push(value)}`;
  }
}

/** The part of a list of conditions that says when a hit was. */
export const during = (column: string, { from, to }: SearchFilter, values: Values): string =>
  [
    ...(from === undefined ? [] : [`${column} >= ${values.add(from)}`]),
    ...(to === undefined ? [] : [`${column} < ${values.add(to)}`]),
    'true',
  ].join(' and ');

/** The part of a list of conditions that a session must meet. */
export const ofSession = (alias: string, filter: SearchFilter, values: Values): string =>
  [
    ...(filter.statuses ? [`${alias}.status = any(${values.add(filter.statuses)})`] : []),
    ...(filter.sources ? [`${alias}.source = any(${values.add(filter.sources)})`] : []),
    ...(filter.agentTypes
      ? [
          `exists (select from participants where participants.session_id = ${alias}.session_id
            and agent_type = any(${values.add(filter.agentTypes)}))`,
        ]
      : []),
    'true',
  ].join(' and ');

const CANCELLED = '57014';

/**
 * What a statement finds in `searchStatementMs`, undefined when it takes longer. It is kept from
 * reading whole tables, which looks cheap to the planner while a limit is near.
 */
export async function rowsInTime<Row>(
  database: DataSource,
  statement: string,
  { list }: Values,
  milliseconds: number,
): Promise<Row[] | undefined> {
  try {
    return await database.transaction('READ COMMITTED', async (manager: EntityManager) => {
      await manager.query(
        `set transaction read only; set local statement_timeout = ${milliseconds};
         set local enable_seqscan = off`,
      );
      return manager.query<Row[]>(statement, list);
    });
  } catch (failure) {
    if (codeOf(failure) === CANCELLED) return undefined;
    throw failure;
  }
}

const codeOf = (failure: unknown): unknown =>
  failure instanceof QueryFailedError
    ? (failure.driverError as { code?: unknown }).code
    : undefined;
