import {
  compareMessages,
  evolveMessage,
  extended,
  messageIdOf,
  unknownTokens,
  type MessageRole,
  type MessageSource,
  type MessageView,
} from '@playhead/contract';
import { AfterLoad, Column, Entity, Index, PrimaryColumn, type DataSource } from 'typeorm';
import { byteOrder, int8 } from '../src/projecting/columns.ts';
import {
  pageOf,
  pageWith,
  type Order,
  type KeysetPage,
  type PageRequest,
} from '../src/projecting/keyset-page.ts';
import type { Projection } from '../src/projecting/projection.ts';

/**
 * A message: the contract's view, field by field. Chunks are not taken, so a message that is still
 * open has no content here.
 */
@Entity('messages')
@Index('messages_in_order', ['sessionId', 'sequence', 'occurredAt', 'messageId'])
export class MessageRow implements MessageView {
  @PrimaryColumn({ ...byteOrder, name: 'session_id' })
  sessionId: string;

  @PrimaryColumn({ ...byteOrder, name: 'message_id' })
  messageId: string;

  @Column('integer')
  revision: number;

  @Column(byteOrder)
  at: string;

  @Column('text')
  state: MessageView['state'];

  @Column('text')
  role: MessageRole;

  @Column('text')
  source: MessageSource;

  @Column('text', { name: 'participant_id', nullable: true })
  participantId: string | null;

  @Column('text', { name: 'agent_type', nullable: true })
  agentType: string | null;

  @Column('text', { name: 'agent_name', nullable: true })
  agentName: string | null;

  @Column('text', { nullable: true })
  model: string | null;

  @Column('text')
  content: string;

  @Column('integer')
  chunks: number;

  @Column('json')
  ahead: MessageView['ahead'];

  @Column('bigint', { nullable: true, transformer: int8 })
  sequence: number | null;

  @Column('bigint', { nullable: true, transformer: int8 })
  turn: number | null;

  @Column('bigint', { nullable: true, transformer: int8 })
  tokens: number | null;

  @Column('bigint', { name: 'input_tokens', nullable: true, transformer: int8 })
  inputTokens: number | null;

  @Column('bigint', { name: 'output_tokens', nullable: true, transformer: int8 })
  outputTokens: number | null;

  @Column('json', { default: unknownTokens })
  usage: MessageView['usage'];

  @Column('bigint', { name: 'cost_nano', nullable: true, transformer: int8 })
  costNano: number | null;

  @Column('double precision', { name: 'duration_ms', nullable: true })
  durationMs: number | null;

  @Column('json', { default: [] })
  attachments: MessageView['attachments'];

  @Column({ ...byteOrder, name: 'occurred_at' })
  occurredAt: string;

  @Column('text', { nullable: true })
  error: string | null;

  @Column('json')
  extra: Readonly<Record<string, unknown>>;

  /** Rows of version 2 are read until they are replaced, and have counts beside `usage` only. */
  @AfterLoad()
  fillUsage?(): void {
    const { inputTokens: input, outputTokens: output } = this;
    if (input !== this.usage.input || output !== this.usage.output) {
      this.usage = extended(this.usage, { input, output });
    }
  }
}

const keyOf = (messageId: string | undefined): readonly string[] =>
  messageId === undefined ? [] : [messageId];

export const messages: Projection<MessageRow> = {
  name: 'messages',
  version: 3,
  changedColumns: ['usage', 'attachments'],
  entity: MessageRow,
  keyColumn: 'messageId',
  keys: (event) => (event.type === 'message.chunked' ? [] : keyOf(messageIdOf(event))),
  evolve: evolveMessage,
};

const inOrder: Order = {
  by: ['message.sequence', 'message.occurredAt', 'message.messageId'],
  direction: 'ASC',
  // As the contract sorts a message without sequence.
  nullsLast: true,
};

/** A session's messages in the order of `compareMessages`. */
export function listMessages(
  database: DataSource,
  sessionId: string,
  request: PageRequest,
  countExactMax: number,
): Promise<KeysetPage<MessageRow>> {
  const query = database
    .getRepository(MessageRow)
    .createQueryBuilder('message')
    .where('message.sessionId = :sessionId', { sessionId });
  return pageOf(query, inOrder, request, countExactMax);
}

/**
 * The same as they were at a revision, which the read model must have reached. `open` are those
 * that were being written then: of all others that had begun the rows are right, since a message
 * that has ended does not change again.
 */
export function listMessagesAt(
  database: DataSource,
  sessionId: string,
  { revision, open }: { readonly revision: number; readonly open: readonly MessageView[] },
  request: PageRequest,
  countExactMax: number,
): Promise<KeysetPage<MessageView>> {
  const ended = database
    .getRepository(MessageRow)
    .createQueryBuilder('message')
    .where(`message.sessionId = :sessionId and message.state <> 'open'`, { sessionId })
    .andWhere('message.revision <= :revision', { revision });
  const inserted = { items: open, key: 'message.messageId', compare: compareMessages };
  return pageWith<MessageView>(ended, inOrder, inserted, request, countExactMax);
}
