import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { id, sessionSource, sessionStatuses, VIEW_PARTICIPANTS_MAX } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { listMessages } from '../../projections/messages.ts';
import { firstParticipants, listParticipants } from '../../projections/participants.ts';
import { findSession, listSessions } from '../../projections/sessions.ts';
import type { Config, Limits } from '../config.ts';
import type { EventLog } from '../log/event-log.ts';
import { CONFIG, DATABASE, EVENT_LOG } from '../tokens.ts';
import { Needs } from './needs.ts';
import { Problem } from './problem.ts';
import { readQuery, wholeNumber } from './query.ts';
import { eventsQuery, readEvents } from './session-events.ts';
import { messageShape, paginationShape, participantShape, sessionShape } from './session-shapes.ts';

const pageFields = (limits: Limits) => ({
  page: wholeNumber(1, limits.pageNumberMax).default(1),
  limit: wholeNumber(1, limits.pageMax).default(limits.pageDefault),
});

const listQuery = (limits: Limits) =>
  z.strictObject({
    ...pageFields(limits),
    status: z.enum(sessionStatuses).optional(),
    source: sessionSource.optional(),
    search: z
      .string()
      .max(limits.searchCharactersMax)
      .regex(/^[^\0]*$/, 'must not hold U+0000')
      .optional(),
  });

/** The read models of sessions, and a session's own events from the log. */
@Controller('api/sessions')
@Needs('read')
export class SessionsController {
  readonly #limits: Limits;
  readonly #listQuery;
  readonly #pageQuery;
  readonly #eventsQuery;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) private readonly database: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
  ) {
    this.#limits = config.limits;
    this.#listQuery = listQuery(this.#limits);
    this.#pageQuery = z.strictObject(pageFields(this.#limits));
    this.#eventsQuery = eventsQuery(this.#limits);
  }

  @Get()
  async list(@Query() query: unknown) {
    const { page, limit, ...filter } = readQuery(this.#listQuery, query);
    const request = { page, limit };
    const { countExactMax } = this.#limits;
    const found = await listSessions(this.database, filter, request, countExactMax);
    const participants = await firstParticipants(
      this.database,
      found.rows.map(({ sessionId }) => sessionId),
      VIEW_PARTICIPANTS_MAX,
    );
    return {
      sessions: found.rows.map((row) => sessionShape(row, participants.get(row.sessionId))),
      pagination: paginationShape(request, found),
    };
  }

  @Get(':id')
  async one(@Param('id') sessionId: string) {
    const session = await this.#find(sessionId);
    const of = await firstParticipants(this.database, [sessionId], VIEW_PARTICIPANTS_MAX);
    return sessionShape(session, of.get(sessionId));
  }

  @Get(':id/messages')
  async messages(@Param('id') sessionId: string, @Query() query: unknown) {
    const request = readQuery(this.#pageQuery, query);
    await this.#find(sessionId);
    const { countExactMax } = this.#limits;
    const found = await listMessages(this.database, sessionId, request, countExactMax);
    return {
      messages: found.rows.map(messageShape),
      pagination: paginationShape(request, found),
    };
  }

  @Get(':id/participants')
  async participants(@Param('id') sessionId: string, @Query() query: unknown) {
    const request = readQuery(this.#pageQuery, query);
    await this.#find(sessionId);
    const { countExactMax } = this.#limits;
    const found = await listParticipants(this.database, sessionId, request, countExactMax);
    return {
      participants: found.rows.map(participantShape),
      pagination: paginationShape(request, found),
    };
  }

  @Get(':id/events')
  async events(@Param('id') sessionId: string, @Query() query: unknown) {
    const request = readQuery(this.#eventsQuery, query);
    if (!id.safeParse(sessionId).success) throw new Problem('not-found');
    return readEvents(this.log, sessionId, request, this.#limits.readBytesMax);
  }

  async #find(sessionId: string) {
    const isId = id.safeParse(sessionId).success;
    const session = isId ? await findSession(this.database, sessionId) : undefined;
    if (!session) throw new Problem('not-found');
    return session;
  }
}
