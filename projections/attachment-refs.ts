import { asKnown, type Attachment, type SessionEvent } from '@playhead/contract';
import { Column, Entity, Index, PrimaryColumn, type DataSource } from 'typeorm';
import { byteOrder } from '../src/projecting/columns.ts';
import type { Projection } from '../src/projecting/projection.ts';

/**
 * That a session refers to an attachment. Whoever may read one of its sessions may read an
 * attachment, and one that no session refers to is removed in time.
 */
@Entity('attachment_refs')
@Index('attachment_refs_by_hash', ['hash'])
export class AttachmentRefRow {
  @PrimaryColumn({ ...byteOrder, name: 'session_id' })
  sessionId: string;

  @PrimaryColumn(byteOrder)
  hash: string;

  /** Of the first event that refers to it. */
  @Column('integer')
  revision: number;
}

export const attachmentRefs: Projection<AttachmentRefRow> = {
  name: 'attachment_refs',
  version: 1,
  entity: AttachmentRefRow,
  keyColumn: 'hash',
  keys: (event) => [...new Set(attachmentsOf(event).map(({ hash }) => hash))],
  evolve: (row, { sessionId, revision }, hash = '') => row ?? { sessionId, hash, revision },
};

function attachmentsOf(event: SessionEvent): readonly Attachment[] {
  const known = asKnown(event);
  return known && 'attachments' in known.data ? (known.data.attachments ?? []) : [];
}

/** Whether any session refers to an attachment, as far as events have been projected. */
export const isReferredTo = (database: DataSource, hash: string): Promise<boolean> =>
  database.getRepository(AttachmentRefRow).existsBy({ hash });
