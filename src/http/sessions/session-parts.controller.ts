import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import { id, type MessageView, type ParticipantView, type ToolView } from '@playhead/contract';
import type { FastifyReply } from 'fastify';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { listMessages } from '../../../projections/messages.ts';
import { listParticipants } from '../../../projections/participants.ts';
import { listTools } from '../../../projections/tools.ts';
import type { Config, Limits } from '../../config.ts';
import type { SessionHistory } from '../../live/history/session-history.ts';
import type { SessionSubscriptions } from '../../live/session/session-subscriptions.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { KeysetPage, PageRequest, Keyset } from '../../projecting/keyset-page.ts';
import type { Projector } from '../../projecting/projector.ts';
import {
  CONFIG,
  DATABASE,
  EVENT_LOG,
  PROJECTOR,
  SESSION_HISTORY,
  SESSION_SUBSCRIPTIONS,
} from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { demandOneMoment, moment, sessionAt } from './at.ts';
import { sessionAtRevision, type ReadModelContext } from './min-revision.ts';
import { messagesAt, participantsAt, toolsAt, type ListAt } from './parts-at.ts';
import { RequiresScope } from '../requires-scope.ts';
import {
  fieldNames,
  only,
  pageFields,
  pageRequest,
  plainText,
  readQuery,
  REVISION_MAX,
  wholeNumber,
} from '../query-parameters.ts';
import { readTimeline, readTimelineAt, timelinePage, timelineQuery } from './session-timeline.ts';
import { staleField, staleSince } from './stale-since.ts';
import {
  messageFields,
  messageShape,
  paginationShape,
  participantFields,
  participantShape,
  toolFields,
  toolShape,
} from './session-shapes.ts';

const INSTANT_LENGTH_MAX = 40;
const sequence = z.number().int().nullable();
const messageKeyset = z.tuple([sequence, plainText(INSTANT_LENGTH_MAX), id]);
const participantKeyset = z.tuple([sequence, id]);
const toolKeyset = z.tuple([z.number().int().min(0).max(REVISION_MAX)]);

const partsQuery = <Schema extends z.ZodType<Keyset>>(
  limits: Limits,
  keyset: Schema,
  fields: readonly string[],
) =>
  z.strictObject({
    ...pageFields(limits, keyset),
    fields: fieldNames(fields).optional(),
    minRevision: wholeNumber(0, REVISION_MAX).optional(),
    at: moment.optional(),
  });

const messagesQuery = (limits: Limits) => partsQuery(limits, messageKeyset, messageFields);
const participantsQuery = (limits: Limits) =>
  partsQuery(limits, participantKeyset, participantFields);
const toolsQuery = (limits: Limits) => partsQuery(limits, toolKeyset, toolFields);

type List<Row> = (
  database: DataSource,
  sessionId: string,
  request: PageRequest,
  countExactMax: number,
) => Promise<KeysetPage<Row>>;

/** A list that a session has: now, and at a moment. */
interface Part<Row> {
  readonly readModel: string;
  readonly list: List<Row>;
  readonly listAt: ListAt<Row>;
  readonly shape: (row: Row) => object;
}

const participantsPart: Part<ParticipantView> = {
  ...{ readModel: 'participants', shape: participantShape },
  ...{ list: listParticipants, listAt: participantsAt },
};
const toolsPart: Part<ToolView> = {
  ...{ readModel: 'tools', shape: toolShape, list: listTools, listAt: toolsAt },
};

/** What a session is made of, page by page. */
@Controller('api/sessions/:id')
@RequiresScope('read')
export class SessionPartsController {
  readonly #limits: Limits;
  readonly #messages;
  readonly #participants;
  readonly #tools;
  readonly #timeline;
  readonly #context: ReadModelContext;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) database: DataSource,
    @Inject(EVENT_LOG) log: EventLog,
    @Inject(PROJECTOR) projector: Projector,
    @Inject(SESSION_SUBSCRIPTIONS) private readonly subscriptions: SessionSubscriptions,
    @Inject(SESSION_HISTORY) private readonly history: SessionHistory,
  ) {
    this.#limits = config.limits;
    this.#messages = messagesQuery(this.#limits);
    this.#participants = participantsQuery(this.#limits);
    this.#tools = toolsQuery(this.#limits);
    this.#timeline = timelineQuery(this.#limits);
    this.#context = { database, log, projector, limits: this.#limits };
  }

  @Get('messages')
  @Documented({
    summary: 'Messages of a session, in order, now or at a moment',
    query: messagesQuery,
  })
  async messages(
    @Param('id') sessionId: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const asked = readQuery(this.#messages, query);
    const list: List<MessageView> = async (...about) => {
      const page = await listMessages(...about);
      return { ...page, rows: await this.subscriptions.withOpenText(sessionId, page.rows) };
    };
    const part = { readModel: 'messages', list, listAt: messagesAt, shape: messageShape };
    const { items, ...rest } = await this.#part(sessionId, asked, part, reply);
    return { messages: items, ...rest };
  }

  @Get('participants')
  @Documented({
    summary: 'Participants of a session, in order, now or at a moment',
    query: participantsQuery,
  })
  async participants(
    @Param('id') sessionId: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const asked = readQuery(this.#participants, query);
    const { items, ...rest } = await this.#part(sessionId, asked, participantsPart, reply);
    return { participants: items, ...rest };
  }

  @Get('tools')
  @Documented({
    summary: 'Tool calls of a session, in order, now or at a moment',
    query: toolsQuery,
  })
  async tools(
    @Param('id') sessionId: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const asked = readQuery(this.#tools, query);
    const { items, ...rest } = await this.#part(sessionId, asked, toolsPart, reply);
    return { tools: items, ...rest };
  }

  @Get('timeline')
  @Documented({
    summary:
      'What happened in a session, in the order in which it began: the last part, or earlier; ' +
      'now or at a moment',
    query: timelineQuery,
    answer: timelinePage,
  })
  async timeline(
    @Param('id') sessionId: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const asked = readQuery(this.#timeline, query);
    demandOneMoment(asked);
    if (asked.at) {
      const at = await sessionAt(this.history, sessionId, asked.at, reply);
      return readTimelineAt(this.#context, at, asked);
    }
    await sessionAtRevision(this.#context, sessionId, asked.minRevision);
    const page = await readTimeline(this.#context, sessionId, asked, (messages) =>
      this.subscriptions.withOpenText(sessionId, messages),
    );
    return { ...page, ...(await this.#stale(sessionId, ['timeline', 'messages', 'tools'])) };
  }

  async #part<Row>(
    sessionId: string,
    asked: z.infer<ReturnType<typeof partsQuery>>,
    { readModel, list, listAt, shape }: Part<Row>,
    reply: FastifyReply,
  ) {
    demandOneMoment(asked);
    const request = pageRequest(asked);
    const shaped = (found: KeysetPage<Row>) => ({
      items: found.rows.map((row) => only(asked.fields, shape(row))),
      pagination: paginationShape(request, found),
    });
    if (asked.at) {
      const at = await sessionAt(this.history, sessionId, asked.at, reply);
      return shaped(await listAt(this.#context, at, request));
    }
    await sessionAtRevision(this.#context, sessionId, asked.minRevision);
    const { database, limits } = this.#context;
    const found = await list(database, sessionId, request, limits.countExactMax);
    return { ...shaped(found), ...(await this.#stale(sessionId, [readModel])) };
  }

  async #stale(sessionId: string, readModels: readonly string[]) {
    const since = await staleSince(this.#context, readModels, [sessionId]);
    return staleField(since.get(sessionId));
  }
}
