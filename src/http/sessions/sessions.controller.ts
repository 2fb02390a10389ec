import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import {
  activity,
  id,
  sessionSource,
  sessionStatuses,
  VIEW_PARTICIPANTS_MAX,
  type ParticipantView,
} from '@playhead/contract';
import type { FastifyReply } from 'fastify';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { firstParticipants } from '../../../projections/participants.ts';
import { cachedCounts } from '../../../projections/session-list/cached-counts.ts';
import {
  isNumeric,
  listSessions,
  sessionSorts,
  type SessionListOrder,
} from '../../../projections/session-list/list-sessions.ts';
import type { SessionsAsOf } from '../../../projections/session-list/sessions-as-of.ts';
import type { SessionRow } from '../../../projections/sessions.ts';
import type { Config, Limits } from '../../config.ts';
import type { SessionHistory } from '../../live/history/session-history.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { TableReader } from '../../projecting/columns.ts';
import type { Keyset, KeysetPage } from '../../projecting/keyset-page.ts';
import type { Projector } from '../../projecting/projector.ts';
import { CONFIG, DATABASE, EVENT_LOG, PROJECTOR, SESSION_HISTORY } from '../../tokens.ts';
import { ConcurrencyLimit } from '../concurrency-limit.ts';
import { Documented } from '../documents/documented.ts';
import { demandOneMoment, moment, sessionAt } from './at.ts';
import { logMoment, SessionsAt, type LogMoment } from './list-at.ts';
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
import { staleSince } from './stale-since.ts';

const VALUE_LENGTH_MAX = 1_000;
const RETRY_AFTER_S = 1;

const directions = ['asc', 'desc'] as const;

/** As Postgres writes numbers that are not negative. */
const NUMBER = /^\d{1,17}(?:\.\d{1,20})?(?:e[-+]\d{2})?$/;

/** A keyset of the list, with the order that it belongs to. */
const listKeyset = z
  .tuple([z.enum(sessionSorts), z.enum(directions), plainText(VALUE_LENGTH_MAX), id])
  .refine(([sort, , value]) => !isNumeric(sort) || NUMBER.test(value));

const listQuery = (limits: Limits) =>
  z.strictObject({
    ...pageFields(limits, listKeyset),
    sort: z.enum(sessionSorts).default('started'),
    order: z.enum(directions).optional(),
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
    at: logMoment.optional(),
  });

const oneQuery = z.strictObject({
  fields: fieldNames(sessionFields).optional(),
  minRevision: wholeNumber(0, REVISION_MAX).optional(),
  at: moment.optional(),
});

/** Lists sessions in the order and with the filters that were asked for. */
type List = (database: TableReader, asOf?: SessionsAsOf) => Promise<KeysetPage<SessionRow>>;

/** The list of sessions, one session, and a session's own events from the log. */
@Controller('api/sessions')
@RequiresScope('read')
export class SessionsController {
  readonly #limits: Limits;
  readonly #listQuery;
  readonly #eventsQuery;
  readonly #count;
  readonly #listsAt: ConcurrencyLimit;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) private readonly database: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(PROJECTOR) private readonly projector: Projector,
    @Inject(SESSION_HISTORY) private readonly history: SessionHistory,
  ) {
    this.#limits = config.limits;
    this.#listQuery = listQuery(this.#limits);
    this.#eventsQuery = eventsQuery(this.#limits);
    this.#count = cachedCounts(this.#limits.countCacheMs);
    const { listsAtMax } = this.#limits;
    this.#listsAt = new ConcurrencyLimit(listsAtMax, 'lists of the past', RETRY_AFTER_S);
  }

  @Get()
  @Documented({
    summary:
      'Sessions, newest start first unless `sort` and `order` say something else; a `total` of ' +
      'more than 1,000 may be some seconds old; with `at` the list as it was, and what that cost',
    query: listQuery,
  })
  async list(@Query() query: unknown) {
    const asked = readQuery(this.#listQuery, query);
    const { fields, label: labels, sort, order, cursor, at, ...filter } = asked;
    // Names are read from A to Z; of all else the newest and the largest come first.
    const direction = order ?? (sort === 'name' ? 'asc' : 'desc');
    const listOrder = { sort, direction };
    const request = pageRequest({ ...asked, cursor: keysetIn(listOrder, cursor) });
    const list = (database: TableReader, asOf?: SessionsAsOf) =>
      listSessions(
        database,
        { labels, ...filter },
        request,
        this.#limits.countExactMax,
        listOrder,
        this.#count,
        asOf,
      );
    const others = sort === 'started' ? [] : ['session_order'];
    const { found, sessions, ...cost } = at
      ? await this.#listAt(at, list, fields, others)
      : await this.#listNow(list, fields, others);
    const next = found.next && [sort, direction, ...found.next];
    return { sessions, pagination: paginationShape(request, { ...found, next }), ...cost };
  }

  async #listNow(list: List, fields: readonly string[] | undefined, others: readonly string[]) {
    const found = await list(this.database);
    return { found, sessions: await this.#shaped(found.rows, fields, others) };
  }

  /** The list as it was, and what that cost. */
  async #listAt(
    at: LogMoment,
    list: List,
    fields: readonly string[] | undefined,
    others: readonly string[],
  ) {
    const leave = this.#listsAt.enter();
    try {
      const { database, log, projector, history } = this;
      const context = { database, log, projector, limits: this.#limits };
      const past = new SessionsAt(context, history, at);
      await past.reached();
      return await database.transaction('REPEATABLE READ', async (manager) => {
        const reader: TableReader = {
          query: (text, values) => manager.query(text, values),
          getMetadata: (entity) => database.getMetadata(entity),
        };
        const asOf = await past.find((text, values) => manager.query(text, values));
        const found = await list(reader, asOf);
        const sessions = await this.#shaped(found.rows, fields, others, { reader, asOf });
        return { found, sessions, cost: past.cost };
      });
    } finally {
      leave();
    }
  }

  @Get(':id')
  @Documented({
    summary: 'A session with its participants, now or at a moment',
    query: () => oneQuery,
  })
  async one(
    @Param('id') sessionId: string,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const asked = readQuery(oneQuery, query);
    demandOneMoment(asked);
    const { fields, minRevision, at } = asked;
    const { database, log, projector, history } = this;
    if (at) {
      const { state } = await sessionAt(history, sessionId, at, reply);
      if (!state.session) throw new Problem('not-found');
      const participants = state.participants.slice(0, VIEW_PARTICIPANTS_MAX);
      return only(fields, sessionShape(state.session, participants));
    }
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

  /** `others`: read models that the answer depends on beside those of its rows. */
  async #shaped(
    rows: readonly SessionRow[],
    fields: readonly string[] | undefined,
    others: readonly string[] = [],
    past?: { readonly reader: TableReader; readonly asOf: SessionsAsOf },
  ) {
    const { database, projector } = this;
    const changed = new Set(past?.asOf.changed);
    const ids = rows.flatMap(({ sessionId }) => (changed.has(sessionId) ? [] : sessionId));
    const isAsked = !fields || fields.includes('participants');
    const readModels = ['sessions', ...(isAsked ? ['participants'] : []), ...others];
    const [of, stale] = await Promise.all([
      firstParticipants(past?.reader ?? database, isAsked ? ids : [], VIEW_PARTICIPANTS_MAX),
      staleSince({ database, projector }, readModels, ids),
    ]);
    const then = (wanted: string): readonly ParticipantView[] | undefined =>
      past?.asOf.participants
        .filter(({ sessionId }) => sessionId === wanted)
        .slice(0, VIEW_PARTICIPANTS_MAX);
    return rows.map((row) => {
      const { sessionId } = row;
      const participants = of.get(sessionId) ?? (isAsked ? then(sessionId) : undefined);
      return only(fields, sessionShape(row, participants, stale.get(sessionId)));
    });
  }
}

/** What a cursor says of a list in this order. Throws when it is one of another order. */
function keysetIn(
  { sort, direction }: SessionListOrder,
  cursor: z.infer<typeof listKeyset> | undefined,
): Keyset | undefined {
  if (!cursor) return undefined;
  const [sortedBy, directed, ...keyset] = cursor;
  if (sortedBy === sort && directed === direction) return keyset;
  throw new Problem(
    'invalid',
    `cursor: is one of sort=${sortedBy} and order=${directed}, not of ${sort} and ${direction}`,
    'cursor',
  );
}
