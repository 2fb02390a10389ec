import { Body, Controller, Get, HttpCode, Inject, Post, Query } from '@nestjs/common';
import {
  sessionSource,
  sessionStatuses,
  type SearchAnswer,
  type SearchResult,
} from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { rangesOf, termsOf, type Term } from '../../../projections/search/query.ts';
import { TextSearch, type Hit } from '../../../projections/search/text-search.ts';
import { groupMetrics } from '../../../projections/session-metrics/metrics.ts';
import type { Config, Limits } from '../../config.ts';
import { CONFIG, DATABASE } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { parseJson, readBody, textOf } from '../json-body.ts';
import { RequiresScope } from '../requires-scope.ts';
import { readQuery, time } from '../query-parameters.ts';
import {
  conversationSearchBody,
  isOfAgentPipe,
  searchConversations,
} from './conversation-search.ts';
import { snippetOf } from './snippet.ts';

const searchBody = ({
  searchCharactersMax,
  searchWordsMax,
  filterValuesMax: valuesMax,
  pageMax,
  pageDefault,
}: Limits) =>
  z.strictObject({
    query: z
      .string()
      .trim()
      .min(1)
      .max(searchCharactersMax)
      .refine((text) => termsOf(text).length <= searchWordsMax, `at most ${searchWordsMax} words`),
    filters: z
      .strictObject({
        status: z.array(z.enum(sessionStatuses)).min(1).max(valuesMax).optional(),
        source: z.array(sessionSource).min(1).max(valuesMax).optional(),
        agentTypes: z.array(z.string().max(1_000)).min(1).max(valuesMax).optional(),
        from: time.optional(),
        to: time.optional(),
      })
      .default({}),
    limit: z.number().int().min(1).max(pageMax).default(pageDefault),
  });

/** Finds words in names, prompts, messages and tool calls. */
@Controller('api/search')
@RequiresScope('read')
export class SearchController {
  readonly #search: TextSearch;
  readonly #searchBody;
  readonly #conversationSearchBody;
  readonly #limits: Limits;

  constructor(
    @Inject(CONFIG) { limits }: Config,
    @Inject(DATABASE) private readonly database: DataSource,
  ) {
    this.#search = new TextSearch(database, limits);
    this.#searchBody = searchBody(limits);
    this.#conversationSearchBody = conversationSearchBody(limits);
    this.#limits = limits;
  }

  @Post()
  @Documented({ summary: 'Finds names, prompts, messages and tool calls', body: searchBody })
  @HttpCode(200)
  async search(@Body() body: unknown): Promise<SearchAnswer | ConversationsFound> {
    if (isOfAgentPipe(parseJson(textOf(body)).value)) {
      const asked = readBody(this.#conversationSearchBody, body).value;
      const { database } = this;
      return searchConversations({ database, search: this.#search, limits: this.#limits }, asked);
    }
    const { query, filters, limit } = readBody(this.#searchBody, body).value;
    const { status: statuses, source: sources, ...others } = filters;
    const terms = termsOf(query);
    const found = await this.#search.find(terms, { statuses, sources, ...others }, limit);
    return {
      results: found.hits.map((hit) => resultOf(hit, terms)),
      truncated: found.isTruncated,
    };
  }

  @Get()
  @Documented({
    summary: 'Agent types and models, with the number of sessions in which they took part',
    query: () => countsQuery,
  })
  async counts(@Query() query: unknown) {
    const { type } = readQuery(countsQuery, query);
    const request = { page: 1, limit: this.#limits.metricGroupsMax };
    const counted = async (group: 'agentType' | 'model') =>
      (await groupMetrics(this.database, group, {}, request, { isNamed: true })).groups;
    const agents = type === 'models' ? undefined : await counted('agentType');
    const models = type === 'agents' ? undefined : await counted('model');
    return {
      ...(agents && { agents: agents.map((one) => ({ type: one.group, count: one.sessions })) }),
      ...(models && { models: models.map((one) => ({ model: one.group, count: one.sessions })) }),
    };
  }
}

type ConversationsFound = Awaited<ReturnType<typeof searchConversations>>;

const countsQuery = z.object({ type: z.enum(['agents', 'models']).optional() });

function resultOf(
  { sessionId, name, status, at, entry, agentName, tool, text }: Hit,
  terms: readonly Term[],
): SearchResult {
  const result = { sessionId, name, status, at };
  if (entry === 'session') {
    const isInName = terms.every((term) => rangesOf(name ?? '', [term]).length > 0);
    // Its text is the name and the prompt; of one that holds all words the other is left out.
    const shown = isInName ? (name ?? '') : text.slice((name ?? '').length + 1);
    const snippet = snippetOf(shown, terms);
    return { ...result, matched: isInName ? 'name' : 'prompt', snippet };
  }
  const id = entry.slice(entry.indexOf(':') + 1);
  const snippet = snippetOf(text, terms);
  if (tool === null) return { ...result, matched: 'message', messageId: id, agentName, snippet };
  return { ...result, matched: 'tool', callId: id, tool, snippet };
}
