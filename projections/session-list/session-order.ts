import {
  evolveSession,
  unknownTokens,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { byteOrder } from '../../src/projecting/columns.ts';
import type { Projection } from '../../src/projecting/projection.ts';
import { BLANK_SESSION } from './blank-session.ts';

/** Characters of a name that it is ordered by. */
const NAME_LENGTH_MAX = 200;

/**
 * What the list of sessions can be ordered by, apart from the start of a session. These columns
 * change with nearly every event, and each has an index: in the table `sessions` they would make
 * every index there take a new entry for each version of a row. Numbers are as wide as those of the
 * views, so that no sum is too large.
 */
@Entity('session_order')
@Index('session_order_by_last_activity', ['lastActivity', 'sessionId'])
@Index('session_order_by_messages', ['messages', 'sessionId'])
@Index('session_order_by_tokens', ['tokens', 'sessionId'])
@Index('session_order_by_cost', ['cost', 'sessionId'])
@Index('session_order_by_duration', ['duration', 'sessionId'])
@Index('session_order_by_name', ['name', 'sessionId'])
export class SessionOrderRow {
  @PrimaryColumn({ ...byteOrder, name: 'session_id' })
  sessionId: string;

  @Column('integer')
  revision: number;

  @Column({ ...byteOrder, name: 'last_activity' })
  lastActivity: string;

  @Column('double precision')
  messages: number;

  @Column('double precision')
  tokens: number;

  /** In billionths of a dollar. */
  @Column('double precision')
  cost: number;

  /** Of all messages, in milliseconds. */
  @Column('double precision')
  duration: number;

  /** As `orderedName` gives it; empty for a session without a name. */
  @Column(byteOrder)
  name: string;

  /** A name was given, be it an empty one. */
  @Column('boolean')
  named: boolean;

  /** Which name stands after several starts depends on these two, too. */
  @Column('boolean')
  declared: boolean;

  @Column({ ...byteOrder, name: 'started_at' })
  startedAt: string;
}

export const sessionOrder: Projection<SessionOrderRow> = {
  name: 'session_order',
  version: 2,
  isBackground: true,
  entity: SessionOrderRow,
  keyColumn: undefined,
  keys: (event) => (event.type === 'message.chunked' ? [] : [event.sessionId]),
  evolve: evolveOrder,
};

/** The numbers are those of the session's own view, which is made from the part that is kept. */
function evolveOrder(row: SessionOrderRow | undefined, event: SessionEvent): SessionOrderRow {
  const kept = row && viewOf(row);
  const view = evolveSession(kept, event);
  // The name that is kept has been made ready before.
  return orderOf(view, view.name === kept?.name ? (row?.name ?? '') : undefined);
}

/** What a session is ordered by; `name` is its name made ready, where that is known. */
export function orderOf(view: SessionView, name = orderedName(view.name ?? '')): SessionOrderRow {
  const { counted } = view;
  return {
    sessionId: view.sessionId,
    revision: view.revision,
    lastActivity: view.lastActivityAt,
    messages: counted.messages,
    tokens: counted.tokens,
    cost: counted.costNano,
    duration: counted.durationMs,
    declared: view.declared,
    startedAt: view.startedAt,
    named: view.name !== null,
    name,
  };
}

/** What is kept of a session, as its view. */
const viewOf = (row: SessionOrderRow): SessionView => ({
  ...BLANK_SESSION,
  sessionId: row.sessionId,
  declared: row.declared,
  startedAt: row.startedAt,
  lastActivityAt: row.lastActivity,
  name: row.named ? row.name : null,
  counted: {
    messages: row.messages,
    toolCalls: 0,
    tokens: row.tokens,
    inputTokens: 0,
    outputTokens: 0,
    usage: unknownTokens,
    costNano: row.cost,
    durationMs: row.duration,
  },
});

/** A name without case and accents, so that people find it where they look for it. */
export const orderedName = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .trim()
    .slice(0, NAME_LENGTH_MAX)
    // No text may end with half a character.
    .replace(/[\uD800-\uDBFF]$/, '');
