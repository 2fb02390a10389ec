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
import { cachedCounts } from '../../../projections/session-list/cached-counts.ts';
import {
  isNumeric,
  listSessions,
  sessionSorts,
  type SessionListOrder,
} from '../../../projections/session-list/list-sessions.ts';
import type { SessionRow } from '../../../projections/sessions.ts';
import type { Config, Limits } from '../../config.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Keyset } from '../../projecting/keyset-page.ts';
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
import { staleSince } from './stale-since.ts';

const VALUE_LENGTH_MAX = 1_000;

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
  readonly #count;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) private readonly database: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(PROJECTOR) private readonly projector: Projector,
  ) {
    this.#limits = config.limits;
    this.#listQuery = listQuery(this.#limits);
    this.#eventsQuery = eventsQuery(this.#limits);
    this.#count = cachedCounts(this.#limits.countCacheMs);
  }

  @Get()
  @Documented({
    summary:
      'Sessions, newest start first unless `sort` and `order` say something else; a `total` of ' +
      'more than 1,000 may be some seconds old',
    query: listQuery,
  })
  async list(@Query() query: unknown) {
    const asked = readQuery(this.#listQuery, query);
    const { fields, label: labels, sort, order, cursor, ...filter } = asked;
    // Names are read from A to Z; of all else the newest and the largest come first.
    const direction = order ?? (sort === 'name' ? 'asc' : 'desc');
    const listOrder = { sort, direction };
    const request = pageRequest({ ...asked, cursor: keysetIn(listOrder, cursor) });
    const { countExactMax } = this.#limits;
    const wanted = { labels, ...filter };
    const found = await listSessions(
      this.database,
      wanted,
      request,
      countExactMax,
      listOrder,
      this.#count,
    );
    const next = found.next && [sort, direction, ...found.next];
    return {
      sessions: await this.#shaped(found.rows, fields, sort === 'started' ? [] : ['session_order']),
      pagination: paginationShape(request, { ...found, next }),
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

  /** `others`: read models that the answer depends on beside those of its rows. */
  async #shaped(
    rows: readonly SessionRow[],
    fields: readonly string[] | undefined,
    others: readonly string[] = [],
  ) {
    const { database, projector } = this;
    const ids = rows.map(({ sessionId }) => sessionId);
    const isAsked = !fields || fields.includes('participants');
    const readModels = ['sessions', ...(isAsked ? ['participants'] : []), ...others];
    const [of, stale] = await Promise.all([
      firstParticipants(database, isAsked ? ids : [], VIEW_PARTICIPANTS_MAX),
      staleSince({ database, projector }, readModels, ids),
    ]);
    return rows.map((row) => {
      const { sessionId } = row;
      return only(fields, sessionShape(row, of.get(sessionId), stale.get(sessionId)));
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
