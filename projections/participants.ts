import {
  compareParticipants,
  evolveParticipant,
  participantIdOf,
  type ParticipantKind,
  type ParticipantView,
} from '@playhead/contract';
import { Column, Entity, Index, PrimaryColumn, type DataSource } from 'typeorm';
import { byteOrder, int8, rowAsJson, type TableReader } from '../src/projecting/columns.ts';
import {
  pageOf,
  pageOfItems,
  type Order,
  type KeysetPage,
  type PageRequest,
} from '../src/projecting/keyset-page.ts';
import type { Projection } from '../src/projecting/projection.ts';

/** Somebody who takes part in a session: the contract's view, field by field. */
@Entity('participants')
@Index('participants_in_order', ['sessionId', 'index', 'participantId'])
@Index('participants_by_agent_type', ['agentType', 'sessionId'])
@Index('participants_by_model', ['model', 'sessionId'])
export class ParticipantRow implements ParticipantView {
  @PrimaryColumn({ ...byteOrder, name: 'session_id' })
  sessionId: string;

  @PrimaryColumn({ ...byteOrder, name: 'participant_id' })
  participantId: string;

  @Column('integer')
  revision: number;

  @Column(byteOrder)
  at: string;

  @Column('text')
  kind: ParticipantKind;

  @Column('boolean')
  declared: boolean;

  @Column('bigint', { nullable: true, transformer: int8 })
  index: number | null;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('text', { name: 'agent_type', nullable: true })
  agentType: string | null;

  @Column('text', { name: 'agent_version', nullable: true })
  agentVersion: string | null;

  @Column('text', { name: 'cli_version', nullable: true })
  cliVersion: string | null;

  @Column('text', { nullable: true })
  model: string | null;

  @Column('text', { nullable: true })
  prompt: string | null;

  @Column({ ...byteOrder, name: 'joined_at', nullable: true })
  joinedAt: string | null;

  @Column({ ...byteOrder, name: 'left_at', nullable: true })
  leftAt: string | null;

  @Column('json')
  extra: Readonly<Record<string, unknown>>;
}

const keyOf = (participantId: string | undefined): readonly string[] =>
  participantId === undefined ? [] : [participantId];

export const participants: Projection<ParticipantRow> = {
  name: 'participants',
  version: 2,
  entity: ParticipantRow,
  keyColumn: 'participantId',
  keys: (event) => keyOf(participantIdOf(event)),
  evolve: evolveParticipant,
};

/** A session's participants in the order of `compareParticipants`. */
export function listParticipants(
  database: DataSource,
  sessionId: string,
  request: PageRequest,
  countExactMax: number,
): Promise<KeysetPage<ParticipantRow>> {
  const query = all(database).where('one.sessionId = :sessionId', { sessionId });
  return pageOf(query, inOrder, request, countExactMax);
}

/** A part of a list of participants that are at hand, in the same order and with its cursors. */
export const pageOfParticipants = (
  items: readonly ParticipantView[],
  request: PageRequest,
  countExactMax: number,
): KeysetPage<ParticipantView> =>
  pageOfItems(
    items,
    { by: ['index', 'participantId'], compare: compareParticipants },
    request,
    countExactMax,
  );

/** The first participants of each of some sessions, at most `eachMax` of one. */
export async function firstParticipants(
  database: TableReader,
  sessionIds: readonly string[],
  eachMax: number,
): Promise<ReadonlyMap<string, readonly ParticipantRow[]>> {
  const found = new Map(sessionIds.map((sessionId) => [sessionId, [] as ParticipantRow[]]));
  if (sessionIds.length === 0) return found;
  // Every page of the list asks this: TypeORM's building of the query and of the rows costs more
  // than Postgres does. Each session's first are taken from the index in order.
  const { columns } = database.getMetadata(ParticipantRow);
  const rows = await database.query<{ row: ParticipantRow }[]>(
    `select ${rowAsJson('one', columns)} as row
     from unnest($1::text[]) as wanted (session_id),
     lateral (
       select * from participants
       where participants.session_id = wanted.session_id
       order by index, participant_id limit $2
     ) as one
     order by one.index, one.participant_id`,
    [sessionIds, eachMax],
  );
  for (const { row } of rows) found.get(row.sessionId)?.push(row);
  return found;
}

const all = (database: DataSource) =>
  database.getRepository(ParticipantRow).createQueryBuilder('one');

const inOrder: Order = {
  by: ['one.index', 'one.participantId'],
  direction: 'ASC',
  nullsLast: true,
};
