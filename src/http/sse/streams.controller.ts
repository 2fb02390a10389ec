import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { id, type SessionOpen } from '@playhead/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config.ts';
import type { ConsoleSubscriptions } from '../../live/console/console-subscriptions.ts';
import type { SessionSubscriptions } from '../../live/session/session-subscriptions.ts';
import type { EventLog } from '../../log/event-log.ts';
import { CONFIG, CONSOLE_SUBSCRIPTIONS, EVENT_LOG, SESSION_SUBSCRIPTIONS } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { RequiresScope } from '../requires-scope.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query-parameters.ts';
import { ConsoleStreams } from './console-streams.ts';
import { lastEventId, readLogCursor, readSessionCursor } from './event-ids.ts';
import { ReplayStreams } from './replay-streams.ts';
import {
  consoleQuery,
  conversationStreamQuery,
  realtimeQuery,
  replayQuery,
  sessionQuery,
} from './stream-queries.ts';
import type { AgentPipeRequest } from './agentpipe/agentpipe-stream.ts';
import { AgentPipeStreams } from './agentpipe/agentpipe-streams.ts';
import { SessionStreams } from './session-streams.ts';
import { OpenStreams } from './open-streams.ts';

/** Server-sent events, for those who cannot use sockets: the same events, codes and cursors. */
@Controller('api')
@RequiresScope('read')
export class StreamsController {
  readonly #sessions: SessionStreams;
  readonly #console: ConsoleStreams;
  readonly #replays: ReplayStreams;
  readonly #consoleQuery: ReturnType<typeof consoleQuery>;
  readonly #replayQuery: ReturnType<typeof replayQuery>;

  constructor(
    @Inject(CONFIG) { limits }: Config,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(SESSION_SUBSCRIPTIONS) subscriptions: SessionSubscriptions,
    @Inject(CONSOLE_SUBSCRIPTIONS) console: ConsoleSubscriptions,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
    @Inject(AgentPipeStreams) private readonly realtime: AgentPipeStreams,
  ) {
    this.#sessions = new SessionStreams(subscriptions, streams);
    this.#console = new ConsoleStreams(console, log.epoch, streams);
    this.#replays = new ReplayStreams({ log, streams, limits });
    this.#consoleQuery = consoleQuery(limits);
    this.#replayQuery = replayQuery(limits);
  }

  @Get('sessions/:id/stream')
  @Documented({
    summary: 'Events of a session, past and coming, as server-sent events',
    query: () => sessionQuery,
    isStream: true,
  })
  async session(
    @Param('id') sessionId: string,
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const asked = readQuery(sessionQuery, query);
    const last = lastEventId(request.headers);
    if (!id.safeParse(sessionId).success) throw new Problem('not-found');
    const cursor = last === undefined ? asked : readSessionCursor(last);
    const open: SessionOpen = { sessionId, ...cursor };
    await this.#sessions.open(open, this.streams.admit(request, reply), request);
  }

  @Get('sessions/:id/replay')
  @Documented({
    summary:
      'Events of a session at the pace at which they happened, as server-sent events; `speed` ' +
      'times as fast, no pause longer than `maxPause` milliseconds',
    query: replayQuery,
    isStream: true,
  })
  async replay(
    @Param('id') sessionId: string,
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const asked = readQuery(this.#replayQuery, query);
    const last = lastEventId(request.headers);
    if (!id.safeParse(sessionId).success) throw new Problem('not-found');
    const cursor = last === undefined ? undefined : readSessionCursor(last);
    const replay = { ...asked, sessionId, cursor };
    await this.#replays.open(replay, this.streams.admit(request, reply), request);
  }

  @Get('stream')
  @Documented({
    summary: 'Events of all sessions, past and coming, as server-sent events',
    query: consoleQuery,
    isStream: true,
  })
  async all(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (Object.hasOwn(query as object, 'conversationId')) {
      // Only AgentPipe's pages ask so, and their stream is another.
      const asked = readQuery(conversationStreamQuery, query);
      await this.#openOfAgentPipe({ ...asked, greeting: 'connection.established' }, request, reply);
      return;
    }
    const { after, ...filter } = readQuery(this.#consoleQuery, query);
    const { epoch } = this.log;
    const last = lastEventId(request.headers);
    const cursor =
      last === undefined
        ? after !== undefined && readLogCursor(after, epoch, 'after')
        : readLogCursor(last, epoch);
    const open = { ...cursor, filter };
    await this.#console.open(open, this.streams.admit(request, reply), request);
  }

  @Get('realtime/stream')
  @Documented({
    summary: "Events in the shape of AgentPipe's own server, as server-sent events",
    query: () => realtimeQuery,
    isStream: true,
  })
  async peers(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const asked = readQuery(realtimeQuery, query);
    await this.#openOfAgentPipe({ ...asked, greeting: 'connected' }, request, reply);
  }

  async #openOfAgentPipe(
    asked: Pick<AgentPipeRequest, 'greeting'> & { conversationId?: string | undefined },
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const last = lastEventId(request.headers);
    const cursor = last === undefined ? undefined : readLogCursor(last, this.log.epoch);
    const stream = this.streams.admit(request, reply);
    const { conversationId, greeting } = asked;
    await this.realtime.open({ conversationId, greeting, cursor }, stream, request);
  }
}
