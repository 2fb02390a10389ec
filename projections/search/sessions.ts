import type { SessionStatus } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import {
  asIndexed,
  during,
  newestHits,
  ofSession,
  rowsInTime,
  Values,
  type Hits,
  type Indexed,
  type SearchFilter,
  type SearchLimits,
} from './searching.ts';

/** A session whose name and prompt hold all words of a search. */
export interface SessionHit {
  readonly sessionId: string;
  readonly name: string | null;
  readonly prompt: string | null;
  readonly status: SessionStatus;
  readonly at: string;
}

/** What the trigram index can look up: three letters or digits in a row. */
const TRIGRAM = /[\p{L}\p{N}]{3}/u;

const COLUMNS = `session_id as "sessionId", name, prompt, status, started_at as at`;
const NEWEST_FIRST = 'order by started_at desc, session_id desc';

/**
 * The newest sessions in whose name or prompt each of some texts occurs, in upper or lower case, at
 * most `limit`.
 */
export async function searchSessions(
  database: DataSource,
  texts: readonly string[],
  filter: SearchFilter,
  limit: number,
  limits: SearchLimits,
): Promise<Hits<SessionHit>> {
  const asked = { texts, filter, limit: limit + 1, limits };
  const isIndexed = texts.some((text) => TRIGRAM.test(text));
  const ways = {
    amongNewest: (rows: number) => amongNewest(database, asked, rows),
    byIndex: () => (isIndexed ? byIndex(database, asked) : Promise.resolve(undefined)),
    nameOf: ({ sessionId }: SessionHit) => sessionId,
  };
  return newestHits(ways, limit, limits);
}

interface Asked {
  readonly texts: readonly string[];
  readonly filter: SearchFilter;
  readonly limit: number;
  readonly limits: SearchLimits;
}

async function amongNewest(
  database: DataSource,
  { texts, filter, limit, limits }: Asked,
  rows: number,
): Promise<SessionHit[] | undefined> {
  const values = new Values();
  const statement = `
    select ${COLUMNS} from (
      select * from sessions where ${during('started_at', filter, values)}
      ${NEWEST_FIRST} limit ${values.add(rows)}
    ) as s
    where ${holding(texts, values)} and ${ofSession('s', filter, values)}
    ${NEWEST_FIRST} limit ${values.add(limit)}`;
  return rowsInTime<SessionHit>(database, statement, values, limits.searchStatementMs);
}

async function byIndex(
  database: DataSource,
  { texts, filter, limit, limits }: Asked,
): Promise<Indexed<SessionHit> | undefined> {
  const values = new Values();
  const statement = `
    with hit as materialized (
      select * from sessions
      where ${holding(texts, values)} and ${during('started_at', filter, values)}
      limit ${values.add(limits.searchHitsMax)}
    ), newest as materialized (
      select ${COLUMNS} from hit where ${ofSession('hit', filter, values)}
      ${NEWEST_FIRST} limit ${values.add(limit)}
    )
    select newest.*, looked
    from (select count(*)::int as looked from hit) as counted left join newest on true
    order by at desc, "sessionId" desc`;
  return asIndexed(
    await rowsInTime<SessionHit & { looked: number }>(
      database,
      statement,
      values,
      limits.searchStatementMs,
    ),
  );
}

const holding = (texts: readonly string[], values: Values): string =>
  texts
    .map((text) => {
      const pattern = values.add(`%${text.replace(/[\\%_]/g, '\\$&')}%`);
      return `(name ilike ${pattern} or prompt ilike ${pattern})`;
    })
    .join(' and ');
