import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import {
  activity,
  id,
  sessionSource,
  sessionStatuses,
  VIEW_PARTICIPANTS_MAX,
} from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { firstParticipants } from '../../../projections/participants.ts';
import { listSessions, type SessionRow } from '../../../projections/sessions.ts';
import type { Config, Limits } from '../../config.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Projector } from '../../projecting/projector.ts';
import { CONFIG, DATABASE, EVENT_LOG, PROJECTOR } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { sessionAtRevision } from './min-revision.ts';
import { RequiresScope } from '../requires-scope.ts';
import { Problem } from '../problem.ts';
import {
  anyOf,
  fieldNames,
  label,
  only,
  pageFields,
  pageRequest,
  plainText,
  readQuery,
  REVISION_MAX,
  time,
  wholeNumber,
} from '../query-parameters.ts';
import { eventsQuery, readEvents } from './session-events.ts';
import { paginationShape, sessionFields, sessionShape } from './session-shapes.ts';

const VALUE_LENGTH_MAX = 1_000;

const listQuery = (limits: Limits) =>
  z.strictObject({
    ...pageFields(limits, z.tuple([plainText(VALUE_LENGTH_MAX), id])),
    fields: fieldNames(sessionFields).optional(),
    status: anyOf(z.enum(sessionStatuses), limits.filterValuesMax),
    source: anyOf(sessionSource, limits.filterValuesMax),
    state: anyOf(activity, limits.filterValuesMax),
    label: z
      .preprocess(
        (given) => (typeof given === 'string' ? [given] : given),
        z.array(label).max(limits.labelFiltersMax),
      )
      .optional(),
    agentType: anyOf(plainText(VALUE_LENGTH_MAX), limits.filterValuesMax),
    model: anyOf(plainText(VALUE_LENGTH_MAX), limits.filterValuesMax),
    from: time.optional(),
    to: time.optional(),
    search: plainText(limits.searchCharactersMax).optional(),
  });

const oneQuery = z.strictObject({
  fields: fieldNames(sessionFields).optional(),
  minRevision: wholeNumber(0, REVISION_MAX).optional(),
});

/** The list of sessions, one session, and a session's own events from the log. */
@Controller('api/sessions')
@RequiresScope('read')
export class SessionsController {
  readonly #limits: Limits;
  readonly #listQuery;
  readonly #eventsQuery;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) private readonly database: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(PROJECTOR) private readonly projector: Projector,
  ) {
    this.#limits = config.limits;
    this.#listQuery = listQuery(this.#limits);
    this.#eventsQuery = eventsQuery(this.#limits);
  }

  @Get()
  @Documented({ summary: 'Sessions, newest start first', query: listQuery })
  async list(@Query() query: unknown) {
    const asked = readQuery(this.#listQuery, query);
    const { fields, label: labels, ...filter } = asked;
    const request = pageRequest(asked);
    const { countExactMax } = this.#limits;
    const found = await listSessions(this.database, { ...filter, labels }, request, countExactMax);
    return {
      sessions: await this.#shaped(found.rows, fields),
      pagination: paginationShape(request, found),
    };
  }

  @Get(':id')
  @Documented({ summary: 'A session with its participants', query: () => oneQuery })
  async one(@Param('id') sessionId: string, @Query() query: unknown) {
    const { fields, minRevision } = readQuery(oneQuery, query);
    const { database, log, projector } = this;
    const context = { database, log, projector, limits: this.#limits };
    const session = await sessionAtRevision(context, sessionId, minRevision);
    const [shaped] = await this.#shaped([session], fields);
    return shaped;
  }

  @Get(':id/events')
  @Documented({ summary: 'Events of a session as they were committed', query: eventsQuery })
  async events(@Param('id') sessionId: string, @Query() query: unknown) {
    const request = readQuery(this.#eventsQuery, query);
    if (!id.safeParse(sessionId).success) throw new Problem('not-found');
    return readEvents(this.log, sessionId, request, this.#limits.readBytesMax);
  }

  async #shaped(rows: readonly SessionRow[], fields: readonly string[] | undefined) {
    const isAsked = !fields || fields.includes('participants');
    const sessionIds = isAsked ? rows.map(({ sessionId }) => sessionId) : [];
    const of = await firstParticipants(this.database, sessionIds, VIEW_PARTICIPANTS_MAX);
    return rows.map((row) => only(fields, sessionShape(row, of.get(row.sessionId))));
  }
}
