import {
  evolveSession,
  type Activity,
  type EndKind,
  type ReportedTotals,
  type SessionSource,
  type SessionStatus,
  type SessionView,
  type Summary,
  type Totals,
} from '@playhead/contract';
import { Column, Entity, Index, PrimaryColumn, type DataSource } from 'typeorm';
import { byteOrder, int8 } from '../src/projecting/columns.ts';
import { pageOf, type KeysetPage, type PageRequest } from '../src/projecting/keyset-page.ts';
import type { Projection } from '../src/projecting/projection.ts';

/** A session as lists and its own page show it: the contract's view, field by field. */
@Entity('sessions')
@Index('sessions_newest', ['startedAt', 'sessionId'])
@Index('sessions_by_status', ['status', 'startedAt', 'sessionId'])
@Index('sessions_by_source', ['source', 'startedAt', 'sessionId'])
@Index('sessions_by_status_and_source', ['status', 'source', 'startedAt', 'sessionId'])
@Index('sessions_by_model', ['model', 'startedAt', 'sessionId'])
@Index('sessions_by_text', { synchronize: false })
@Index('sessions_by_label', { synchronize: false })
export class SessionRow implements SessionView {
  @PrimaryColumn({ ...byteOrder, name: 'session_id' })
  sessionId: string;

  @Column('integer')
  revision: number;

  @Column(byteOrder)
  at: string;

  @Column(byteOrder)
  status: SessionStatus;

  @Column('text', { nullable: true })
  activity: Activity | null;

  @Column('text', { name: 'activity_message', nullable: true })
  activityMessage: string | null;

  @Column('boolean')
  idle: boolean;

  @Column('boolean')
  declared: boolean;

  @Column(byteOrder)
  source: SessionSource;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('text', { nullable: true })
  mode: string | null;

  @Column('text', { nullable: true })
  prompt: string | null;

  @Column('text', { nullable: true })
  model: string | null;

  @Column('text', { nullable: true })
  provider: string | null;

  @Column('text', { nullable: true })
  worker: string | null;

  @Column('bigint', { name: 'max_turns', nullable: true, transformer: int8 })
  maxTurns: number | null;

  @Column('json')
  labels: Readonly<Record<string, string>>;

  @Column('text', { nullable: true })
  owner: string | null;

  @Column('json')
  members: readonly string[];

  @Column({ ...byteOrder, name: 'started_at' })
  startedAt: string;

  @Column({ ...byteOrder, name: 'last_activity_at' })
  lastActivityAt: string;

  @Column({ ...byteOrder, name: 'ended_at', nullable: true })
  endedAt: string | null;

  @Column('text', { name: 'ended_as', nullable: true })
  endedAs: EndKind | null;

  @Column({ ...byteOrder, name: 'error_at', nullable: true })
  errorAt: string | null;

  @Column('text', { name: 'error_message', nullable: true })
  errorMessage: string | null;

  @Column('text', { name: 'error_kind', nullable: true })
  errorKind: string | null;

  @Column('json')
  counted: Totals;

  @Column('json', { nullable: true })
  reported: ReportedTotals | null;

  @Column('json', { nullable: true })
  summary: Summary | null;

  @Column('json')
  extra: Readonly<Record<string, unknown>>;
}

export const sessions: Projection<SessionRow> = {
  name: 'sessions',
  version: 2,
  entity: SessionRow,
  keyColumn: undefined,
  keys: (event) => (event.type === 'message.chunked' ? [] : [event.sessionId]),
  evolve: evolveSession,
};

/** What narrows the list of sessions: all filters must hold, each by one of its values. */
export interface SessionFilter {
  /** The last state that was set. */
  readonly state?: readonly Activity[] | undefined;
  /** Labels that must all be there, with these values. */
  readonly labels?: readonly (readonly [key: string, value: string])[] | undefined;
  /** That some participant has. */
  readonly agentType?: readonly string[] | undefined;
  /** Of the session or of some participant. */
  readonly model?: readonly string[] | undefined;
  /** The earliest start, as `comparableInstant` writes it. */
  readonly from?: string | undefined;
  /** What the start must lie before. */
  readonly to?: string | undefined;
  readonly status?: readonly SessionStatus[] | undefined;
  readonly source?: readonly SessionSource[] | undefined;
  /** Part of the name or the prompt, in upper or lower case. */
  readonly search?: string | undefined;
}

/** Sessions, those that started last first. */
export function listSessions(
  database: DataSource,
  filter: SessionFilter,
  request: PageRequest,
  countExactMax: number,
): Promise<KeysetPage<SessionRow>> {
  const query = database.getRepository(SessionRow).createQueryBuilder('session');
  for (const [column, values] of [
    ['status', filter.status],
    ['source', filter.source],
    ['activity', filter.state],
  ] as const) {
    const [only, ...others] = values ?? [];
    // One value is compared by `=`, by which an index gives the order, too.
    if (only !== undefined && others.length === 0) {
      query.andWhere(`session.${column} = :${column}`, { [column]: only });
    }
    if (others.length > 0) {
      query.andWhere(`session.${column} in (:...${column})`, { [column]: values });
    }
  }
  if (filter.from) query.andWhere('session.startedAt >= :from', { from: filter.from });
  if (filter.to) query.andWhere('session.startedAt < :to', { to: filter.to });
  filter.labels?.forEach(([key, value], nth) => {
    const label = `label${nth}`;
    query.andWhere(`cast(session.labels as jsonb) @> cast(:${label} as jsonb)`, {
      [label]: JSON.stringify({ [key]: value }),
    });
  });
  if (filter.agentType) {
    const { agentType } = filter;
    query.andWhere(
      `session.sessionId in (
        select session_id from participants where agent_type in (:...agentType)
      )`,
      { agentType },
    );
  }
  if (filter.model) {
    query.andWhere(
      `session.sessionId in (
        select session_id from participants where model in (:...model)
        union all select session_id from sessions where model in (:...model)
      )`,
      { model: filter.model },
    );
  }
  if (filter.search) {
    const pattern = `%${filter.search.replace(/[\\%_]/g, '\\$&')}%`;
    query.andWhere('(session.name ilike :pattern or session.prompt ilike :pattern)', { pattern });
  }
  const order = { by: ['session.startedAt', 'session.sessionId'], direction: 'DESC' } as const;
  return pageOf(query, order, request, countExactMax);
}

/** One session, `undefined` when there is none or nothing of it has been projected yet. */
export const findSession = async (
  database: DataSource,
  sessionId: string,
): Promise<SessionRow | undefined> =>
  (await database.getRepository(SessionRow).findOneBy({ sessionId })) ?? undefined;
