import type { KeyPrefix, KeyShape, Scope } from '@playhead/contract';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A key as it is kept: its hash, never the key. */
@Entity('keys')
export class KeyRow {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  name: string;

  /** SHA-256 of the key; enough, since keys are random and long. */
  @Column('bytea', { unique: true })
  hash: Buffer;

  @Column('text', { array: true })
  scopes: Scope[];

  /** What the key begins with. */
  @Column('text')
  prefix: KeyPrefix;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;
}

/** A key as it is shown to admins. */
export const shapeOfKey = (row: KeyRow): KeyShape => ({
  id: row.id,
  name: row.name,
  scopes: row.scopes,
  prefix: row.prefix,
  createdAt: row.createdAt.toISOString(),
  revokedAt: row.revokedAt?.toISOString() ?? null,
});
