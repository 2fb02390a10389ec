import type { SessionStatus } from '@playhead/contract';
import { LRUCache } from 'lru-cache';
import { QueryFailedError, type DataSource, type EntityManager } from 'typeorm';
import { during, ofSession, Values, type SearchFilter } from './conditions.ts';
import { SEARCHED_MAX } from './indexed-text.ts';
import { tsqueryOf, type Term } from './query.ts';
import { sessionText, textOfInput } from './search-entries.ts';
import { cellsBetween } from './time-cells.ts';

/** How far a search goes, as `limits.ts` has it. */
export interface SearchLimits {
  readonly searchNewestMax: number;
  readonly searchRecentMax: number;
  readonly searchHitsMax: number;
  readonly searchStatementMs: number;
  readonly searchRecentCacheMs: number;
}

/** A name and prompt, a message or a tool call that holds all terms. */
export interface Hit {
  readonly sessionId: string;
  readonly name: string | null;
  readonly status: SessionStatus;
  /** `session`, `message:<id>` or `tool:<id>`. */
  readonly entry: string;
  readonly at: string;
  /** Who wrote the message. */
  readonly agentName: string | null;
  /** Which tool was called. */
  readonly tool: string | null;
  /** As much of the text as is searched. */
  readonly text: string;
}

/** The newest hits, and whether there are or may be more. */
export interface Hits {
  readonly hits: readonly Hit[];
  readonly isTruncated: boolean;
}

/**
 * Searches the newest entries first, then the recent ones, then all. A common word is soon found
 * among the newest, while an index leads to so many entries that sorting them takes long; a rare
 * word has few entries in the index. One in between has too many of them in all, but not among the
 * recent ones: the index holds the time of an entry too, so it narrows to these by itself.
 */
export class TextSearch {
  /** Since when the recent entries are, by the end of the search. */
  readonly #recent: LRUCache<string, { readonly from: string | undefined }>;

  constructor(
    private readonly database: DataSource,
    private readonly limits: SearchLimits,
  ) {
    this.#recent = new LRUCache({ max: 100, ttl: limits.searchRecentCacheMs });
  }

  /** The newest entries that hold all terms, at most `limit`. */
  async find(terms: readonly Term[], filter: SearchFilter, limit: number): Promise<Hits> {
    if (terms.length === 0) return { hits: [], isTruncated: false };
    const asked = { query: tsqueryOf(terms), filter, limit: limit + 1 };
    const prefix = terms.length > 1 && terms.at(-1)?.isPrefix ? terms.slice(-1) : undefined;
    let best: Found = { hits: [], looked: 0 };
    const isEnough = (found: Found | undefined): boolean => {
      if (!found) return true;
      best = found;
      return found.hits.length > limit || found.looked > this.limits.searchHitsMax;
    };
    const cut = (): Hits => ({ hits: best.hits.slice(0, limit), isTruncated: true });
    if (isEnough(await this.#amongNewest(asked))) return cut();
    const { cells, isPrefixCommon } = await this.#recently(filter, prefix);
    // The index would gather all that begins with it before it comes to the other words.
    const indexed = isPrefixCommon ? tsqueryOf(terms.slice(0, -1)) : asked.query;
    if (cells !== undefined && isEnough(await this.#byIndex(asked, indexed, cells))) return cut();
    if (isEnough(await this.#byIndex(asked, indexed, undefined))) return cut();
    return { hits: best.hits, isTruncated: false };
  }

  async #amongNewest({ query, filter, limit }: Asked): Promise<Found | undefined> {
    const values = new Values();
    const among = `
      select session_id, entry, at from (
        select * from search_entries where ${during(filter, values)}
        ${NEWEST_FIRST} limit ${values.add(this.limits.searchNewestMax)}
      ) as newest
      where words @@ ${values.add(query)}::tsquery`;
    return this.#found(among, { filter, limit }, values);
  }

  /**
   * `indexed` is what the index is asked for, the whole query or some of its terms; with `cells` of
   * time, only among the entries in them.
   */
  async #byIndex(
    { query, filter, limit }: Asked,
    indexed: string,
    cells: string | undefined,
  ): Promise<Found | undefined> {
    const values = new Values();
    const words = values.add(cells === undefined ? indexed : `(${cells}) & ${indexed}`);
    // The function behind the operator: by its own name no index is used for it.
    const recheck =
      indexed === query ? 'true' : `ts_match_vq(words, ${values.add(query)}::tsquery)`;
    const among = `
      select session_id, entry, at from search_entries
      where words @@ ${words}::tsquery and ${recheck} and ${during(filter, values)}`;
    return this.#found(among, { filter, limit }, values);
  }

  /**
   * The cells of time that hold the recent entries, undefined when all are recent or it takes too
   * many cells; and whether words with a prefix are common among the newest.
   */
  async #recently(
    { from, to }: SearchFilter,
    prefix: readonly Term[] | undefined,
  ): Promise<{ cells?: string | undefined; isPrefixCommon: boolean }> {
    const values = new Values();
    const nth = (offset: number): string =>
      `(select at from search_entries where ${during({ to }, values)}
        order by at desc offset ${values.add(offset)} limit 1)`;
    const known = this.#recent.get(to ?? '');
    const { searchRecentMax, searchNewestMax } = this.limits;
    const statement = `select ${nth(0)} as newest,
      ${known ? 'null' : nth(searchRecentMax)} as since,
      ${
        prefix === undefined
          ? '0'
          : `(select count(*)::int from (
               select words from search_entries where ${during({ from, to }, values)}
               ${NEWEST_FIRST} limit ${values.add(searchNewestMax)}
             ) as newest where words @@ ${values.add(tsqueryOf(prefix))}::tsquery)`
      } as prefixed`;
    const rows = await this.#inTime<Recently>(statement, values);
    const { newest, since, prefixed } = rows?.[0] ?? { newest: null, since: null, prefixed: 0 };
    const recent = known ?? { from: since ?? undefined };
    if (!known && rows) this.#recent.set(to ?? '', recent);
    const isPrefixCommon = prefixed > searchNewestMax * COMMON;
    if (newest === null || recent.from === undefined || recent.from > newest) {
      return { isPrefixCommon };
    }
    // What the filter leaves out anyway need not be searched.
    if (from !== undefined && from > recent.from) return { isPrefixCommon };
    return { cells: cellsBetween(recent.from, newest), isPrefixCommon };
  }

  /** The newest of some entries whose sessions meet the filter, with their texts. */
  async #found(
    among: string,
    { filter, limit }: Pick<Asked, 'filter' | 'limit'>,
    values: Values,
  ): Promise<Found | undefined> {
    // Each step is made of the one before, and of no more rows than that: joined at once, sessions
    // and texts would be read for entries that are not among the newest.
    const statement = `
      with hit as materialized (${among}),
      newest as materialized (
        select * from hit ${NEWEST_FIRST} limit ${values.add(this.limits.searchHitsMax)}
      ),
      found as materialized (
        select newest.*, s.name, s.status, s.prompt from newest, lateral (
          select name, status, prompt from sessions s
          where s.session_id = newest.session_id and ${ofSession('s', filter, values)} limit 1
        ) as s
        ${NEWEST_FIRST} limit ${values.add(limit)}
      )
      select found.session_id as "sessionId", found.entry, found.at, found.name, found.status,
        case when found.entry = 'session' then found.prompt end as prompt, looked,
        message."agentName", call.tool, call.input, call.output, message.content
      from (select count(*)::int as looked from hit) as counted
      left join found on true
      left join lateral (
        select agent_name as "agentName", left(content, ${SEARCHED_MAX}) as content from messages m
        where m.session_id = found.session_id and m.message_id = substr(found.entry, 9)
          and found.entry like 'message:%'
      ) as message on true
      left join lateral (
        select tool, input, left(output, ${SEARCHED_MAX}) as output from tools t
        where t.session_id = found.session_id and t.call_id = substr(found.entry, 6)
          and found.entry like 'tool:%'
      ) as call on true
      ${NEWEST_FIRST.replaceAll(/\b(at|session_id|entry)\b/g, 'found.$1')}`;
    const rows = await this.#inTime<FoundRow>(statement, values);
    if (!rows) return undefined;
    return { hits: rows.flatMap((row) => hitOf(row) ?? []), looked: rows[0]?.looked ?? 0 };
  }

  /**
   * What a statement finds in `searchStatementMs`, undefined when it takes longer. It is kept from
   * reading whole tables, which looks cheap to the planner while a limit is near.
   */
  async #inTime<Row>(statement: string, { list }: Values): Promise<Row[] | undefined> {
    try {
      return await this.database.transaction('READ COMMITTED', async (manager: EntityManager) => {
        await manager.query(
          `set transaction read only;
           set local statement_timeout = ${this.limits.searchStatementMs};
           set local enable_seqscan = off; set local jit = off`,
        );
        return manager.query<Row[]>(statement, list);
      });
    } catch (failure) {
      if (codeOf(failure) === CANCELLED) return undefined;
      throw failure;
    }
  }
}

/** The part of the entries from which on a word is common. */
const COMMON = 0.01;

interface Recently {
  readonly newest: string | null;
  readonly since: string | null;
  readonly prefixed: number;
}

interface Asked {
  readonly query: string;
  readonly filter: SearchFilter;
  readonly limit: number;
}

/** The newest hits, among so many entries that hold the terms. */
interface Found {
  readonly hits: readonly Hit[];
  readonly looked: number;
}

/** A row without an entry stands for none. */
interface FoundRow extends Omit<Hit, 'text' | 'entry'> {
  readonly entry: string | null;
  readonly looked: number;
  readonly prompt: string | null;
  readonly content: string | null;
  readonly input: unknown;
  readonly output: string | null;
}

function hitOf({ entry, looked: _, ...row }: FoundRow): Hit | undefined {
  if (entry === null) return undefined;
  const { content, input, output, prompt, ...rest } = row;
  const text =
    rest.tool !== null
      ? `${rest.tool} ${textOfInput(input)}\n${output ?? ''}`.slice(0, SEARCHED_MAX)
      : entry === 'session'
        ? sessionText(rest.name, prompt)
        : (content ?? '');
  return { ...rest, entry, text };
}

const NEWEST_FIRST = 'order by at desc, session_id desc, entry desc';

const CANCELLED = '57014';

const codeOf = (failure: unknown): unknown =>
  failure instanceof QueryFailedError
    ? (failure.driverError as { code?: unknown }).code
    : undefined;
