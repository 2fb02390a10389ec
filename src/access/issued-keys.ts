import { hash, randomBytes, randomUUID } from 'node:crypto';
import type { KeyCreate, KeyPrefix, KeyShape, Scope } from '@playhead/contract';
import { ArrayContains, Column, Entity, IsNull, PrimaryColumn } from 'typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { CommandRefused } from '../commands/command-handler.ts';
import type { EventLog } from '../log/event-log.ts';
import { appendToSystem, recordOnce } from './system-stream.ts';

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

/** What is kept of a key. */
export const digest = (key: string): Buffer => hash('sha256', key, 'buffer');

/** A key that was just made, with the key itself, which is kept nowhere. */
export interface IssuedKey {
  readonly row: KeyRow;
  readonly key: string;
}

/** How many keys there may be. */
export interface KeyBounds {
  readonly keysMax: number;
  readonly keysListedMax: number;
}

/** The keys in the database: made, listed, replaced and revoked, each with its event. */
export class IssuedKeys {
  constructor(
    private readonly database: DataSource,
    private readonly log: EventLog,
    /** Whether an admin key is set by the environment, so that none of these is the last. */
    private readonly isAdminPreset: boolean,
  ) {}

  /**
   * Makes a key. `actor` is who asks; with an `id`, the same id again makes no other key. Throws
   * `LogError`, and `CommandRefused`: `refused` when it was made before, for it was shown then and
   * cannot be had again, `key-reused` when another one was made with that id.
   */
  async create(
    asked: KeyCreate,
    actor: string,
    keysMax = Infinity,
    id?: string,
  ): Promise<IssuedKey> {
    const prefix = prefixOf(asked);
    if (id === undefined) return this.#issue(asked, prefix, actor, keysMax);
    await this.#refuseMade(id, asked, prefix);
    try {
      return await this.#issue(asked, prefix, actor, keysMax, id);
    } catch (failure) {
      // The same request at the same time was faster.
      await this.#refuseMade(id, asked, prefix);
      throw failure;
    }
  }

  /** Valid keys, oldest first, then revoked ones, the last first. */
  async list({ keysListedMax }: KeyBounds): Promise<KeyRow[]> {
    return this.database.getRepository(KeyRow).find({
      order: { revokedAt: { direction: 'desc', nulls: 'first' }, createdAt: 'asc', id: 'asc' },
      take: keysListedMax,
    });
  }

  /**
   * Ends a key; once more changes nothing. Throws `CommandRefused`: `not-found`, or `refused` for
   * the last admin key.
   */
  async revoke(id: string, actor: string): Promise<KeyRow> {
    const row = await this.database.transaction((manager) => this.#end(manager, id));
    // The row ends the key, also when the event is not written for a crash: who asks again, as one
    // does without an answer, has it written then.
    await recordOnce(this.log, { type: 'key.revoked', data: { keyId: id } }, actor);
    return row;
  }

  /**
   * Makes a key with name and scopes of a valid one, which stays valid. Throws `CommandRefused`:
   * `not-found`, or `refused` for a revoked key.
   */
  async rotate(id: string, actor: string, keysMax = Infinity): Promise<IssuedKey> {
    const row = await this.database.getRepository(KeyRow).findOneBy({ id });
    if (!row) throw new CommandRefused('not-found', 'there is no such key');
    if (row.revokedAt) throw new CommandRefused('refused', 'the key is revoked: create a new one');
    return this.#issue({ name: row.name, scopes: row.scopes }, row.prefix, actor, keysMax);
  }

  /** Whether anybody holds a key of the database that still opens everything. */
  async hasAdmin(): Promise<boolean> {
    return (await countAdmins(this.database.manager)) > 0;
  }

  async #issue(
    { name, scopes }: KeyCreate,
    prefix: KeyPrefix,
    actor: string,
    keysMax: number,
    givenId?: string,
  ): Promise<IssuedKey> {
    const keys = this.database.getRepository(KeyRow);
    if ((await keys.countBy({ revokedAt: IsNull() })) >= keysMax) {
      throw new CommandRefused('refused', `there are ${keysMax} valid keys: revoke some first`);
    }
    const id = givenId ?? randomUUID();
    const key = `${prefix}${randomBytes(32).toString('base64url')}`;
    // First the log: a crash in between leaves a record without a key, never a key without record.
    const fact = { type: 'key.created' as const, data: { keyId: id, name, scopes } };
    // Only who comes again with an id may have written the record before.
    await (givenId ? recordOnce : appendToSystem)(this.log, fact, actor);
    const createdAt = new Date();
    const row = { id, name, hash: digest(key), scopes, prefix, createdAt, revokedAt: null };
    await keys.insert(row);
    return { row, key };
  }

  async #refuseMade(id: string, { name, scopes }: KeyCreate, prefix: KeyPrefix): Promise<void> {
    const made = await this.database.getRepository(KeyRow).findOneBy({ id });
    if (!made) return;
    const isSame = made.name === name && made.prefix === prefix && isEqual(made.scopes, scopes);
    if (!isSame) throw new CommandRefused('key-reused', 'the same key came with another request');
    const message = `key ${id} was made already and shown then: rotate it to get another`;
    throw new CommandRefused('refused', message);
  }

  async #end(manager: EntityManager, id: string): Promise<KeyRow> {
    // One revocation at a time: two admins who revoke each other's key must not both be answered
    // that the other one is left. Reading, which is how keys are checked, does not wait for this
    // lock.
    await manager.query('lock table keys in share row exclusive mode');
    const row = await manager.findOneBy(KeyRow, { id });
    if (!row) throw new CommandRefused('not-found', 'there is no such key');
    if (row.revokedAt) return row;
    const isLastAdmin = row.scopes.includes('admin') && (await countAdmins(manager)) === 1;
    if (isLastAdmin && !this.isAdminPreset) {
      throw new CommandRefused('refused', 'it is the last admin key: create another one first');
    }
    return manager.save(KeyRow, { ...row, revokedAt: new Date() });
  }
}

const countAdmins = (manager: EntityManager): Promise<number> =>
  manager.countBy(KeyRow, { scopes: ArrayContains(['admin']), revokedAt: IsNull() });

const isEqual = (one: readonly string[], other: readonly string[]): boolean =>
  one.toSorted().join() === other.toSorted().join();

function prefixOf({ scopes, test }: KeyCreate): KeyPrefix {
  if (scopes.some((one) => one !== 'ingest')) return 'ph_';
  return test ? 'ap_test_' : 'ap_live_';
}
