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

/** A message that holds all words of a search. */
export interface MessageHit {
  readonly sessionId: string;
  readonly name: string | null;
  readonly status: SessionStatus;
  readonly messageId: string;
  readonly agentName: string | null;
  readonly at: string;
  /** As much of the text as is searched. */
  readonly content: string;
}

/** As the index has it. */
const WORDS = `to_tsvector('simple', left(content, 100000))`;

const COLUMNS = `hit.session_id as "sessionId", hit.message_id as "messageId",
  hit.occurred_at as at, s.name, s.status`;

/** The words of a text as the index knows them. */
export async function wordsOf(database: DataSource, text: string): Promise<readonly string[]> {
  const [found] = await database.query<{ words: string[] }[]>(
    `select tsvector_to_array(to_tsvector('simple', $1)) as words`,
    [text],
  );
  return found?.words ?? [];
}

/** The newest messages that hold all of some words, as `wordsOf` gives them, at most `limit`. */
export async function searchMessages(
  database: DataSource,
  words: readonly string[],
  filter: SearchFilter,
  limit: number,
  limits: SearchLimits,
): Promise<Hits<MessageHit>> {
  if (words.length === 0) return { hits: [], isTruncated: false };
  const asked = { words, filter, limit: limit + 1, limits };
  const ways = {
    amongNewest: (rows: number) => amongNewest(database, asked, rows),
    byIndex: () => byIndex(database, asked),
    nameOf: ({ sessionId, messageId }: MessageHit) => JSON.stringify([sessionId, messageId]),
  };
  return newestHits(ways, limit, limits);
}

interface Asked {
  readonly words: readonly string[];
  readonly filter: SearchFilter;
  readonly limit: number;
  readonly limits: SearchLimits;
}

async function amongNewest(
  database: DataSource,
  { words, filter, limit, limits }: Asked,
  rows: number,
): Promise<MessageHit[] | undefined> {
  const values = new Values();
  const patterns = words.map((word) => `%${word.replace(/[\\%_]/g, '\\$&')}%`);
  // Looking for the letters costs a fraction of finding the words, so it comes first. The lateral
  // query is asked once a hit; joined, all sessions would be read for a few of them.
  const statement = `
    select ${COLUMNS}, hit.agent_name as "agentName", left(content, 100000) as content
    from (
      select * from messages where ${during('occurred_at', filter, values)}
      order by occurred_at desc, session_id desc, message_id desc
      limit ${values.add(rows)}
    ) as hit,
    lateral (
      select name, status from sessions s
      where s.session_id = hit.session_id and ${ofSession('s', filter, values)} limit 1
    ) as s
    where case when lower(content) like all(${values.add(patterns)}::text[])
      then ${WORDS} @@ ${queryOf(words, values)} else false end
    order by hit.occurred_at desc, hit.session_id desc, hit.message_id desc
    limit ${values.add(limit)}`;
  return rowsInTime<MessageHit>(database, statement, values, limits.searchStatementMs);
}

async function byIndex(
  database: DataSource,
  { words, filter, limit, limits }: Asked,
): Promise<Indexed<MessageHit> | undefined> {
  const values = new Values();
  const statement = `
    with hit as materialized (
      select session_id, message_id, occurred_at from messages
      where ${WORDS} @@ ${queryOf(words, values)} and ${during('occurred_at', filter, values)}
      limit ${values.add(limits.searchHitsMax)}
    ), newest as materialized (
      select ${COLUMNS} from hit, lateral (
        select name, status from sessions s
        where s.session_id = hit.session_id and ${ofSession('s', filter, values)} limit 1
      ) as s
      order by occurred_at desc, hit.session_id desc, message_id desc
      limit ${values.add(limit)}
    )
    select newest.*, agent_name as "agentName", left(content, 100000) as content, looked
    from (select count(*)::int as looked from hit) as counted
    left join newest on true
    left join messages on session_id = "sessionId" and message_id = "messageId"
    order by at desc, "sessionId" desc, "messageId" desc`;
  return asIndexed(
    await rowsInTime<MessageHit & { looked: number }>(
      database,
      statement,
      values,
      limits.searchStatementMs,
    ),
  );
}

/** The words were made by Postgres itself: only quotes and backslashes mean something in them. */
const queryOf = (words: readonly string[], values: Values): string => {
  const query = words.map((word) => `'${word.replace(/['\\]/g, '$&$&')}'`).join(' & ');
  return `${values.add(query)}::tsquery`;
};
