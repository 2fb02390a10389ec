import type { DataSource } from 'typeorm';
import { cellSums } from './cells.ts';

/** Days in UTC, `YYYY-MM-DD`. */
export interface DayRange {
  readonly from?: string | undefined;
  /** Not included. */
  readonly to?: string | undefined;
}

/** What sessions used, as far as their producers said it. Costs in nano-dollars. */
export interface Used {
  readonly messages: number;
  readonly tokens: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  readonly costNano: number;
  readonly durationMs: number;
}

/** The sessions that started in some days, with all that they used. */
export interface SessionTotals extends Used {
  readonly sessions: number;
  /** Those of which the status is `ACTIVE`. */
  readonly active: number;
}

/** By what metrics can be grouped. */
export const metricGroups = ['day', 'agentType', 'model'] as const;
export type MetricGroup = (typeof metricGroups)[number];

/** What was used in some days, of one day, by one type of agent or with one model. */
export interface GroupMetrics extends Used {
  /** Null for what its producers did not say. */
  readonly group: string | null;
  /**
   * Sessions that started on the day, or in which the type or model first took part in these days.
   */
  readonly sessions: number;
}

/** A part of the groups, and how many there are. */
export interface GroupPage {
  readonly groups: readonly GroupMetrics[];
  readonly total: number;
}

/** A sum as a number: beyond 2^53 it is the nearest. */
const summed = (column: string, kind: string): string =>
  `coalesce(sum(${column}) filter (where kind = '${kind}'), 0)::float8`;

const column = (property: string): string =>
  property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const usedColumns = (kind: string): string =>
  cellSums.map((property) => `${summed(column(property), kind)} as "${property}"`).join(', ');

/** Condition and values of a range; `kinds` are the first value. */
const within = (kinds: readonly string[], { from, to }: DayRange) => ({
  condition: `kind = any($1)
    and ($2::text is null or day >= $2) and ($3::text is null or day < $3)`,
  values: [kinds, from ?? null, to ?? null] as unknown[],
});

/** Sums up the sessions that started in some days. */
export async function sessionTotals(database: DataSource, range: DayRange): Promise<SessionTotals> {
  const { condition, values } = within(['session'], range);
  const [found] = await database.query<SessionTotals[]>(
    `select ${summed('sessions', 'session')} as sessions, ${summed('active', 'session')} as active,
       ${usedColumns('session')}
     from session_metrics_rollup where ${condition}`,
    values,
  );
  if (!found) throw new Error('a sum has one row');
  return found;
}

/** What groups are ordered by, and by which sums their sessions are counted. */
const groupings = {
  day: { by: 'day', sessionsOf: 'session', order: '"group" desc' },
  agentType: { by: 'agent_type', sessionsOf: 'agentType', order: 'sessions desc, "group"' },
  model: { by: 'model', sessionsOf: 'model', order: 'sessions desc, "group"' },
} as const;

/**
 * Metrics by day, newest first, or by agent type or model, those of most sessions first. What no
 * agent wrote, or with an unknown model, is the group null; `isNamed` leaves it out.
 */
export async function groupMetrics(
  database: DataSource,
  group: MetricGroup,
  range: DayRange,
  { page, limit }: { readonly page: number; readonly limit: number },
  { isNamed = false }: { readonly isNamed?: boolean } = {},
): Promise<GroupPage> {
  const { by, sessionsOf, order } = groupings[group];
  const { condition, values } = within([sessionsOf, group], range);
  const rows = await database.query<(GroupMetrics & { total: number; nth: string | null })[]>(
    `with grouped as (
       select ${by} as "group", ${summed('sessions', sessionsOf)} as sessions, ${usedColumns(group)}
       from session_metrics_rollup where ${condition} group by ${by}
     ), shown as (
       select * from grouped
       where (${['sessions', ...cellSums].map((sum) => `"${sum}" > 0`).join(' or ')})
         and ("group" <> '' or not $4)
     )
     select page.*, counted.total from (select count(*)::int as total from shown) as counted
     left join lateral (
       select nullif("group", '') as "group", sessions,
         ${cellSums.map((property) => `"${property}"`).join(', ')},
         row_number() over (order by ${order}) as nth
       from shown order by ${order} limit $5 offset $6
     ) as page on true
     order by nth`,
    [...values, isNamed, limit, (page - 1) * limit],
  );
  const total = rows[0]?.total ?? 0;
  // A page beyond the last has one row, with nothing but the total.
  const found = rows.filter(({ nth }) => nth !== null);
  return { groups: found.map(({ total: _, nth: __, ...metrics }) => metrics), total };
}
