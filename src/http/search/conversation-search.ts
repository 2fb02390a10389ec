import { VIEW_PARTICIPANTS_MAX } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { firstParticipants } from '../../../projections/participants.ts';
import { firstMessages } from '../../../projections/conversations/recent-messages.ts';
import { termsOf } from '../../../projections/search/query.ts';
import type { TextSearch } from '../../../projections/search/text-search.ts';
import { listSessions } from '../../../projections/session-list/list-sessions.ts';
import type { SessionFilter } from '../../../projections/session-list/session-filter.ts';
import type { Limits } from '../../config.ts';
import {
  latest,
  orderOf,
  sortColumn,
  sortOrder,
  statusesOf,
} from '../conversations/conversation-queries.ts';
import { foundConversation } from '../conversations/conversation-shapes.ts';
import { time } from '../query-parameters.ts';

const NANO_PER_DOLLAR = 1e9;
const DOLLARS_MAX = 1e9;
const TOKENS_MAX = 1e15;

/** What only AgentPipe's searches have: a body with one of these is one of theirs. */
const ownFields = ['page', 'sort', 'order'] as const;
const ownFilters = [
  ...(['models', 'startDate', 'endDate', 'minCost', 'maxCost', 'minTokens', 'maxTokens'] as const),
];

/** Whether a body is a search as AgentPipe's API describes it. */
export function isOfAgentPipe(body: unknown): boolean {
  const has = (of: unknown, names: readonly string[]): boolean =>
    typeof of === 'object' && of !== null && names.some((name) => Object.hasOwn(of, name));
  return has(body, ownFields) || has((body as { filters?: unknown } | null)?.filters, ownFilters);
}

/** The body of a search in AgentPipe's shape. Empty lists and texts narrow nothing. */
export const conversationSearchBody = (limits: Limits) => {
  const { filterValuesMax, pageMax, pageDefault, pageNumberMax } = limits;
  const { searchCharactersMax, searchWordsMax } = limits;
  const values = z.array(z.string().max(1_000)).max(filterValuesMax).optional();
  const dollars = z.number().min(0).max(DOLLARS_MAX).optional();
  const tokens = z.number().int().min(0).max(TOKENS_MAX).optional();
  return z.object({
    query: z
      .string()
      .trim()
      .max(searchCharactersMax)
      .refine((text) => termsOf(text).length <= searchWordsMax, `at most ${searchWordsMax} words`)
      .default(''),
    filters: z
      .object({
        status: values,
        agentTypes: values,
        models: values,
        startDate: time.optional(),
        endDate: latest.optional(),
        minCost: dollars,
        maxCost: dollars,
        minTokens: tokens,
        maxTokens: tokens,
      })
      .default({}),
    page: z.number().int().min(1).max(pageNumberMax).default(1),
    limit: z.number().int().min(1).max(pageMax).default(pageDefault),
    sort: sortColumn.default('createdAt'),
    order: sortOrder.default('desc'),
  });
};

type Asked = z.infer<ReturnType<typeof conversationSearchBody>>;

/**
 * Sessions of which the name and prompt, a message or a tool call holds all words of the query, in
 * AgentPipe's shape. Its totals are lower bounds (`totalIsAtLeast`) where so many entries hold them
 * that not all are looked at.
 */
export async function searchConversations(
  { database, search, limits }: { database: DataSource; search: TextSearch; limits: Limits },
  asked: Asked,
) {
  const { page, limit, sort, order, query } = asked;
  const filter = filterOf(asked.filters);
  const terms = termsOf(query);
  const hits =
    terms.length === 0
      ? undefined
      : await search.find(
          terms,
          { statuses: filter.status, agentTypes: filter.participant?.agentTypes },
          limits.searchedConversationHitsMax,
        );
  const ids = hits && [...new Set(hits.hits.map(({ sessionId }) => sessionId))];
  const found = await listSessions(
    database,
    ids ? Object.assign(filter, { ids }) : filter,
    { page, limit },
    limits.countExactMax,
    orderOf(sort, order),
  );
  const shown = found.rows.map(({ sessionId }) => sessionId);
  const { searchPreviewMessagesMax, searchPreviewCharactersMax } = limits;
  const [participants, messages] = await Promise.all([
    firstParticipants(database, shown, VIEW_PARTICIPANTS_MAX),
    firstMessages(database, shown, searchPreviewMessagesMax, searchPreviewCharactersMax),
  ]);
  return {
    results: found.rows.map((row) =>
      foundConversation(row, participants.get(row.sessionId), messages.get(row.sessionId)),
    ),
    pagination: {
      ...{ page, limit, total: found.total, pages: Math.ceil(found.total / limit) },
      ...(found.totalIsAtLeast || hits?.isTruncated ? { totalIsAtLeast: true } : {}),
    },
  };
}

function filterOf(filters: Asked['filters']): SessionFilter {
  const { minCost, maxCost, minTokens, maxTokens, startDate: from, endDate: to } = filters;
  const statuses = filters.status?.flatMap(statusesOf) ?? [];
  const [agentTypes, models] = [someOf(filters.agentTypes), someOf(filters.models)];
  const nano = (dollars: number | undefined): number | undefined =>
    dollars === undefined ? undefined : Math.round(dollars * NANO_PER_DOLLAR);
  const isAny = (...bounds: (number | undefined)[]): boolean =>
    bounds.some((bound) => bound !== undefined);
  return {
    ...{ from, to },
    status: someOf(statuses),
    participant: agentTypes || models ? { agentTypes, models } : undefined,
    tokens: isAny(minTokens, maxTokens) ? { min: minTokens, max: maxTokens } : undefined,
    cost: isAny(minCost, maxCost) ? { min: nano(minCost), max: nano(maxCost) } : undefined,
  };
}

const someOf = <Value>(values: readonly Value[] | undefined): readonly Value[] | undefined =>
  values && values.length > 0 ? values : undefined;
