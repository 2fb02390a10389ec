import { evolveTool, toolCallIdOf, type ToolView } from '@playhead/contract';
import { Column, Entity, Index, PrimaryColumn, type DataSource } from 'typeorm';
import { byteOrder, int8 } from '../src/projecting/columns.ts';
import {
  pageOf,
  pageWith,
  type KeysetPage,
  type Order,
  type PageRequest,
} from '../src/projecting/keyset-page.ts';
import type { Projection } from '../src/projecting/projection.ts';

/** A call of a tool: the contract's view, field by field. */
@Entity('tools')
@Index('tools_in_order', ['sessionId', 'calledRevision'])
export class ToolRow implements ToolView {
  @PrimaryColumn({ ...byteOrder, name: 'session_id' })
  sessionId: string;

  @PrimaryColumn({ ...byteOrder, name: 'call_id' })
  callId: string;

  @Column('integer')
  revision: number;

  @Column(byteOrder)
  at: string;

  @Column('text')
  state: ToolView['state'];

  @Column('text')
  tool: string;

  @Column('json', { nullable: true })
  input: unknown;

  @Column('text', { name: 'message_id', nullable: true })
  messageId: string | null;

  @Column('text', { name: 'participant_id', nullable: true })
  participantId: string | null;

  @Column('text')
  output: string;

  @Column('bigint', { name: 'output_length', transformer: int8 })
  outputLength: number;

  @Column('json', { default: [] })
  attachments: ToolView['attachments'];

  @Column('bigint', { name: 'exit_code', nullable: true, transformer: int8 })
  exitCode: number | null;

  @Column('text', { nullable: true })
  error: string | null;

  @Column('double precision', { name: 'duration_ms', nullable: true })
  durationMs: number | null;

  @Column('integer', { name: 'called_revision' })
  calledRevision: number;

  @Column({ ...byteOrder, name: 'called_at' })
  calledAt: string;

  @Column({ ...byteOrder, name: 'finished_at', nullable: true })
  finishedAt: string | null;

  @Column('json')
  extra: Readonly<Record<string, unknown>>;
}

const keyOf = (callId: string | undefined): readonly string[] =>
  callId === undefined ? [] : [callId];

export const tools: Projection<ToolRow> = {
  name: 'tools',
  version: 4,
  changedColumns: ['attachments'],
  entity: ToolRow,
  keyColumn: 'callId',
  keys: (event) => keyOf(toolCallIdOf(event)),
  evolve: evolveTool,
};

/** A session's tool calls in the order of the calls. */
export function listTools(
  database: DataSource,
  sessionId: string,
  request: PageRequest,
  countExactMax: number,
): Promise<KeysetPage<ToolRow>> {
  const query = database
    .getRepository(ToolRow)
    .createQueryBuilder('call')
    .where('call.sessionId = :sessionId', { sessionId });
  return pageOf(query, inOrder, request, countExactMax);
}

const inOrder: Order = { by: ['call.calledRevision'], direction: 'ASC' };

const compareCalls = (a: ToolView, b: ToolView): number => a.calledRevision - b.calledRevision;

/**
 * The same as they were at a revision, which the read model must have reached. `running` are those
 * that ran then: of all others the rows are right, since a call that is over does not change again.
 */
export function listToolsAt(
  database: DataSource,
  sessionId: string,
  { revision, running }: { readonly revision: number; readonly running: readonly ToolView[] },
  request: PageRequest,
  countExactMax: number,
): Promise<KeysetPage<ToolView>> {
  const over = database
    .getRepository(ToolRow)
    .createQueryBuilder('call')
    .where(`call.sessionId = :sessionId and call.state <> 'running'`, { sessionId })
    .andWhere('call.revision <= :revision', { revision });
  const inserted = { items: running, key: 'call.callId', compare: compareCalls };
  return pageWith<ToolView>(over, inOrder, inserted, request, countExactMax);
}
