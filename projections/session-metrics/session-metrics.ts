import {
  evolveSession,
  type EndKind,
  type SessionEvent,
  type SessionStatus,
  type SessionView,
} from '@playhead/contract';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { byteOrder } from '../../src/projecting/columns.ts';
import type { Projection } from '../../src/projecting/projection.ts';
import { BLANK_SESSION } from '../session-list/blank-session.ts';
import { evolveCells, type Cell } from './cells.ts';
import { SessionMetricsRollupRow, rollupParts } from './rollup.ts';

/**
 * What one session used. One row a session, however many days, agents and models it has: so each
 * session is parked, healed, compared and rebuilt by itself.
 */
@Entity('session_metrics')
export class SessionMetricsRow {
  @PrimaryColumn({ ...byteOrder, name: 'session_id' })
  sessionId: string;

  @Column('integer')
  revision: number;

  @Column({ ...byteOrder, name: 'started_at' })
  startedAt: string;

  /** When the session started, and whether it is open, depends on these, too. */
  @Column('boolean')
  declared: boolean;

  @Column({ ...byteOrder, name: 'ended_at', nullable: true })
  endedAt: string | null;

  @Column('text', { name: 'ended_as', nullable: true })
  endedAs: EndKind | null;

  @Column({ ...byteOrder, name: 'error_at', nullable: true })
  errorAt: string | null;

  @Column(byteOrder)
  status: SessionStatus;

  @Column('json')
  cells: readonly Cell[];
}

export const sessionMetrics: Projection<SessionMetricsRow> = {
  name: 'session_metrics',
  version: 1,
  isBackground: true,
  entity: SessionMetricsRow,
  rollup: { entity: SessionMetricsRollupRow, parts: rollupParts },
  keyColumn: undefined,
  keys: (event) => (event.type === 'message.chunked' ? [] : [event.sessionId]),
  evolve: evolveMetrics,
};

function evolveMetrics(row: SessionMetricsRow | undefined, event: SessionEvent): SessionMetricsRow {
  const view = evolveSession(row && viewOf(row), event);
  return {
    sessionId: view.sessionId,
    revision: view.revision,
    startedAt: view.startedAt,
    declared: view.declared,
    endedAt: view.endedAt,
    endedAs: view.endedAs,
    errorAt: view.errorAt,
    status: view.status,
    cells: evolveCells(row?.cells ?? [], event),
  };
}

/** What is kept of a session, as its view. */
const viewOf = (row: SessionMetricsRow): SessionView => ({
  ...BLANK_SESSION,
  sessionId: row.sessionId,
  declared: row.declared,
  startedAt: row.startedAt,
  endedAt: row.endedAt,
  endedAs: row.endedAs,
  errorAt: row.errorAt,
  status: row.status,
});
