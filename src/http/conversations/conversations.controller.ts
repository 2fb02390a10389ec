import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import { id, VIEW_PARTICIPANTS_MAX, type MessageView } from '@playhead/contract';
import type { FastifyReply } from 'fastify';
import type { DataSource } from 'typeorm';
import { listMessages } from '../../../projections/messages.ts';
import { firstParticipants } from '../../../projections/participants.ts';
import { recentMessages } from '../../../projections/conversations/recent-messages.ts';
import { cachedCounts } from '../../../projections/session-list/cached-counts.ts';
import { listSessions } from '../../../projections/session-list/list-sessions.ts';
import { findSession } from '../../../projections/sessions.ts';
import type { Config, Limits } from '../../config.ts';
import type { SessionSubscriptions } from '../../live/session/session-subscriptions.ts';
import type { Keyset } from '../../projecting/keyset-page.ts';
import { CONFIG, DATABASE, SESSION_SUBSCRIPTIONS } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { sendPieces } from '../export/send-pieces.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query-parameters.ts';
import { RequiresScope } from '../requires-scope.ts';
import { conversationJson } from './conversation-json.ts';
import {
  conversationsQuery,
  filterOf,
  messagesQuery,
  orderOf,
  recentQuery,
  statusesOf,
} from './conversation-queries.ts';
import { conversationMessage, listedConversation, statusOf } from './conversation-shapes.ts';

/**
 * Sessions under the paths and in the shapes of AgentPipe's own server, for pages that were made
 * for it. Where its specification and its code disagree, docs/agentpipe.md says what is done.
 */
@Controller('api')
@RequiresScope('read')
export class ConversationsController {
  readonly #limits: Limits;
  readonly #query;
  readonly #messagesQuery;
  readonly #recentQuery;
  readonly #count;

  constructor(
    @Inject(CONFIG) { limits }: Config,
    @Inject(DATABASE) private readonly database: DataSource,
    @Inject(SESSION_SUBSCRIPTIONS) private readonly subscriptions: SessionSubscriptions,
  ) {
    this.#limits = limits;
    this.#query = conversationsQuery(limits);
    this.#messagesQuery = messagesQuery(limits);
    this.#recentQuery = recentQuery(limits);
    this.#count = cachedCounts(limits.countCacheMs);
  }

  @Get('conversations')
  @Documented({
    summary: "Sessions as AgentPipe's list of conversations",
    query: conversationsQuery,
  })
  async list(@Query() query: unknown) {
    const asked = readQuery(this.#query, query);
    const { page } = asked;
    const pageSize = asked.pageSize ?? asked.limit;
    const found = await listSessions(
      this.database,
      filterOf(asked),
      { page, limit: pageSize },
      this.#limits.countExactMax,
      orderOf(asked.sortBy ?? asked.sort, asked.sortOrder ?? asked.order),
      this.#count,
    );
    const ids = found.rows.map(({ sessionId }) => sessionId);
    const participants = await firstParticipants(this.database, ids, VIEW_PARTICIPANTS_MAX);
    return {
      conversations: found.rows.map((row) =>
        listedConversation(row, participants.get(row.sessionId)),
      ),
      pagination: {
        page,
        pageSize,
        totalCount: found.total,
        totalPages: Math.ceil(found.total / pageSize),
        hasNextPage: found.next !== undefined,
        hasPreviousPage: page > 1,
        ...(found.totalIsAtLeast ? { totalIsAtLeast: true } : {}),
      },
    };
  }

  @Get('conversations/:id')
  @Documented({
    summary: 'A session with its participants and all its messages, as AgentPipe has it',
  })
  async one(@Param('id') sessionId: string, @Res() reply: FastifyReply): Promise<void> {
    const session = id.safeParse(sessionId).success
      ? await findSession(this.database, sessionId)
      : undefined;
    if (!session) throw new Problem('not-found');
    const found = await firstParticipants(this.database, [sessionId], VIEW_PARTICIPANTS_MAX);
    const texts = conversationJson(
      session,
      found.get(sessionId) ?? [],
      this.#allMessages(sessionId),
    );
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    await sendPieces(reply, headers, texts, this.#limits.exportStallMs);
  }

  @Get('conversations/:id/messages')
  @Documented({
    summary: 'Messages of a session, in order, as AgentPipe lists them',
    query: messagesQuery,
  })
  async messages(@Param('id') sessionId: string, @Query() query: unknown) {
    const request = readQuery(this.#messagesQuery, query);
    const { page, limit } = request;
    // Of an unknown conversation their server answers an empty list.
    const found = id.safeParse(sessionId).success
      ? await listMessages(this.database, sessionId, request, this.#limits.countExactMax)
      : { rows: [], total: 0, totalIsAtLeast: false };
    const rows = await this.subscriptions.withOpenText(sessionId, found.rows);
    return {
      data: rows.map((row) => ({ ...conversationMessage(row), conversationId: sessionId })),
      pagination: {
        ...{ page, limit },
        total: found.total,
        pages: Math.ceil(found.total / limit),
        ...(found.totalIsAtLeast ? { totalIsAtLeast: true } : {}),
      },
    };
  }

  @Get('messages/recent')
  @Documented({
    summary: 'The newest messages of the sessions with a status that were last active',
    query: recentQuery,
  })
  async recent(@Query() query: unknown) {
    const { limit, status = 'ACTIVE' } = readQuery(this.#recentQuery, query);
    const statuses = statusesOf(status);
    if (statuses.length === 0)
      throw new Problem('invalid', 'status: there is no such one', 'status');
    const request = { page: 1, limit: this.#limits.pageMax };
    const order = { sort: 'lastActivity', direction: 'desc' } as const;
    const { rows } = await listSessions(
      this.database,
      { status: statuses },
      request,
      0,
      order,
      () => Promise.resolve(0),
    );
    const sessions = new Map(rows.map((row) => [row.sessionId, row]));
    const newest = await recentMessages(this.database, [...sessions.keys()], limit);
    const messages = newest.flatMap((message) => {
      const session = sessions.get(message.sessionId);
      if (!session) return [];
      const { id: conversationId, name } = listedConversation(session);
      return {
        ...conversationMessage(message),
        ...{ conversationId, conversationName: name, conversationStatus: statusOf(session.status) },
      };
    });
    return { messages, count: messages.length };
  }

  /** Page by page, in order. */
  async *#allMessages(sessionId: string): AsyncGenerator<readonly MessageView[]> {
    const limit = this.#limits.conversationMessagesMax;
    let after: Keyset | undefined;
    do {
      const page = await listMessages(this.database, sessionId, { page: 1, limit, after }, 0);
      yield await this.subscriptions.withOpenText(sessionId, page.rows);
      after = page.next;
    } while (after);
  }
}
