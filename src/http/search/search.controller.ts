import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import {
  sessionSource,
  sessionStatuses,
  type SearchAnswer,
  type SearchResult,
} from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { searchMessages, wordsOf, type MessageHit } from '../../../projections/search/messages.ts';
import { searchSessions, type SessionHit } from '../../../projections/search/sessions.ts';
import type { Config, Limits } from '../../config.ts';
import { CONFIG, DATABASE } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { readBody } from '../json-body.ts';
import { RequiresScope } from '../requires-scope.ts';
import { time } from '../query-parameters.ts';
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
      .refine((text) => textsOf(text).length <= searchWordsMax, `at most ${searchWordsMax} words`),
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

const textsOf = (query: string): string[] => query.split(/\s+/).filter((text) => text !== '');

/** Finds words in names, prompts and messages. */
@Controller('api/search')
@RequiresScope('read')
export class SearchController {
  readonly #limits: Limits;
  readonly #searchBody;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) private readonly database: DataSource,
  ) {
    this.#limits = config.limits;
    this.#searchBody = searchBody(this.#limits);
  }

  @Post()
  @Documented({ summary: 'Finds names, prompts and messages', body: searchBody })
  @HttpCode(200)
  async search(@Body() body: unknown): Promise<SearchAnswer> {
    const { query, filters, limit } = readBody(this.#searchBody, body).value;
    const { status: statuses, source: sources, ...others } = filters;
    const filter = { statuses, sources, ...others };
    const texts = textsOf(query);
    const words = await wordsOf(this.database, query);
    const [messages, sessions] = await Promise.all([
      searchMessages(this.database, words, filter, limit, this.#limits),
      searchSessions(this.database, texts, filter, limit, this.#limits),
    ]);
    const results = [
      ...messages.hits.map((hit) => messageResult(hit, words)),
      ...sessions.hits.map((hit) => sessionResult(hit, texts)),
    ].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
    return {
      results: results.slice(0, limit),
      truncated: messages.isTruncated || sessions.isTruncated || results.length > limit,
    };
  }
}

const messageResult = (
  { sessionId, name, status, at, messageId, agentName, content }: MessageHit,
  words: readonly string[],
): SearchResult => ({
  ...{ sessionId, name, status, matched: 'message', at, messageId, agentName },
  snippet: snippetOf(content, words, { isWhole: true }),
});

function sessionResult(
  { sessionId, name, status, at, prompt }: SessionHit,
  texts: readonly string[],
): SearchResult {
  const isIn = (text: string): boolean => (name ?? '').toLowerCase().includes(text.toLowerCase());
  const matched = texts.every(isIn) ? 'name' : 'prompt';
  const text = (matched === 'name' ? name : prompt) ?? name ?? '';
  const snippet = snippetOf(text, texts, { isWhole: false });
  return { sessionId, name, status, matched, at, snippet };
}
