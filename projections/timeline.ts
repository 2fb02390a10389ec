import {
  entryBegunBy,
  eventEntry,
  toolEntry,
  type TimelineEntry,
  type TimelineEvent,
} from '@playhead/contract';
import { Column, Entity, In, Index, PrimaryColumn, type DataSource } from 'typeorm';
import { byteOrder } from '../src/projecting/columns.ts';
import type { Projection } from '../src/projecting/projection.ts';
import { MessageRow } from './messages.ts';
import { ToolRow } from './tools.ts';

/**
 * Where an entry of a session's timeline stands. Messages and tool calls have rows of their own,
 * which change; here is only at which revision they began, which never does.
 */
@Entity('timeline')
@Index('timeline_in_order', ['sessionId', 'startedRevision'])
export class TimelineRow {
  @PrimaryColumn({ ...byteOrder, name: 'session_id' })
  sessionId: string;

  /** `<kind>:<id>`, see `TimelineKey` of the contract. */
  @PrimaryColumn(byteOrder)
  entry: string;

  @Column('integer')
  revision: number;

  @Column('integer', { name: 'started_revision' })
  startedRevision: number;

  /** Of an entry that is an event. */
  @Column('json', { nullable: true })
  event: TimelineEvent | null;
}

export const timeline: Projection<TimelineRow> = {
  name: 'timeline',
  version: 2,
  entity: TimelineRow,
  keyColumn: 'entry',
  keys(event) {
    const key = entryBegunBy(event);
    return key ? [`${key.kind}:${key.id}`] : [];
  },
  evolve(row, event) {
    const key = entryBegunBy(event);
    if (row || !key) return row;
    return {
      sessionId: event.sessionId,
      entry: `${key.kind}:${key.id}`,
      revision: event.revision,
      startedRevision: event.revision,
      event: key.kind === 'event' ? eventEntry(event).event : null,
    };
  },
};

/** Some of a session's timeline. */
export interface TimelineRows {
  /** In the order in which they began. */
  readonly entries: readonly TimelineEntry[];
  /** Whether the session has older ones. */
  readonly hasOlder: boolean;
  /**
   * Where the last message or tool call began that is not in its own read model; `undefined` when
   * all are there. Each read model has its own pace.
   */
  readonly missing: number | undefined;
}

/** The last entries of a session that began before a revision. */
export async function listTimeline(
  database: DataSource,
  sessionId: string,
  { before, limit }: { readonly before: number | undefined; readonly limit: number },
): Promise<TimelineRows> {
  const query = database
    .getRepository(TimelineRow)
    .createQueryBuilder('entry')
    .where('entry.sessionId = :sessionId', { sessionId })
    .orderBy('entry.startedRevision', 'DESC')
    // One more tells whether there are older ones.
    .limit(limit + 1);
  if (before !== undefined) query.andWhere('entry.startedRevision < :before', { before });
  const found = await query.getMany();
  const rows = found.slice(0, limit).reverse();
  const [messages, calls] = await Promise.all([
    database
      .getRepository(MessageRow)
      .findBy({ sessionId, messageId: In(idsOf(rows, 'message:')) })
      .then((all) => new Map(all.map((message) => [`message:${message.messageId}`, message]))),
    database
      .getRepository(ToolRow)
      .findBy({ sessionId, callId: In(idsOf(rows, 'tool:')) })
      .then((all) => new Map(all.map((call) => [`tool:${call.callId}`, call]))),
  ]);
  const entries = rows.map(({ entry, startedRevision, event }): TimelineEntry | undefined => {
    if (event) return { kind: 'event', startedRevision, event };
    const message = messages.get(entry);
    if (message) return { kind: 'message', startedRevision, message: { ...message } };
    const call = calls.get(entry);
    return call && toolEntry({ ...call });
  });
  return {
    entries: entries.filter((entry) => entry !== undefined),
    hasOlder: found.length > limit,
    missing: rows[entries.lastIndexOf(undefined)]?.startedRevision,
  };
}

const idsOf = (rows: readonly TimelineRow[], prefix: string): string[] =>
  rows.flatMap(({ entry }) => (entry.startsWith(prefix) ? entry.slice(prefix.length) : []));
