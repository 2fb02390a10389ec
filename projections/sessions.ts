import {
  evolveSession,
  extended,
  unknownTokens,
  type Activity,
  type EndKind,
  type ReportedTotals,
  type SessionEvent,
  type SessionSource,
  type SessionStatus,
  type SessionView,
  type Summary,
  type Totals,
} from '@playhead/contract';
import { Column, Entity, Index, PrimaryColumn, type DataSource } from 'typeorm';
import { byteOrder, int8 } from '../src/projecting/columns.ts';
import type { Projection } from '../src/projecting/projection.ts';

/**
 * Totals with `usage`. Rows of version 2 are read until they are replaced and have none; whether
 * nothing was said or zero they do not tell.
 */
export function currentTotals(counted: Omit<Totals, 'usage'> & Partial<Totals>): Totals {
  const { usage, inputTokens, outputTokens } = counted;
  if (usage !== undefined) return counted as Totals;
  const said = { input: inputTokens || null, output: outputTokens || null };
  return extended(counted, { usage: extended(unknownTokens, said) });
}

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

  @Column('json', { transformer: { from: currentTotals, to: (counted: Totals) => counted } })
  counted: Totals;

  @Column('json', { nullable: true })
  reported: ReportedTotals | null;

  @Column('json', { nullable: true })
  summary: Summary | null;

  @Column('json')
  extra: Readonly<Record<string, unknown>>;
}

function evolve(row: SessionRow | undefined, event: SessionEvent): SessionView {
  if (!row) return evolveSession(undefined, event);
  const counted = currentTotals(row.counted);
  return evolveSession(counted === row.counted ? row : { ...row, counted }, event);
}

export const sessions: Projection<SessionRow> = {
  name: 'sessions',
  version: 3,
  changedColumns: ['counted'],
  entity: SessionRow,
  keyColumn: undefined,
  keys: (event) => (event.type === 'message.chunked' ? [] : [event.sessionId]),
  evolve,
};

/** One session, `undefined` when there is none or nothing of it has been projected yet. */
export const findSession = async (
  database: DataSource,
  sessionId: string,
): Promise<SessionRow | undefined> =>
  (await database.getRepository(SessionRow).findOneBy({ sessionId })) ?? undefined;
