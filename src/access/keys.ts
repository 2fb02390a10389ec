import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Scope } from '@playhead/contract';
import { Column, Entity, IsNull, PrimaryColumn, type DataSource } from 'typeorm';
import type { EventLog } from '../log/event-log.ts';
import { appendToSystem } from './system-stream.ts';
import type { Authenticator, Principal } from './principal.ts';

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

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;
}

/** A key that the environment sets; it lives as long as the variable. */
export interface PresetKey {
  readonly name: string;
  readonly key: string;
  readonly scopes: readonly Scope[];
}

/** The keys that the environment sets, and how long the others are trusted. */
export interface KeysOptions {
  readonly preset: readonly PresetKey[];
  /** How long a looked-up key is trusted without looking again. */
  readonly cacheMs: number;
}

const KEYS_CACHED_MAX = 10_000;
const digest = (key: string): Buffer => createHash('sha256').update(key).digest();

/** The keys that open the service: those of the environment and those in the database. */
export class Keys implements Authenticator {
  readonly #preset: readonly { hash: Buffer; principal: Principal }[];
  readonly #known: LRUCache<string, Principal>;

  constructor(
    private readonly database: DataSource,
    private readonly log: EventLog,
    options: KeysOptions,
  ) {
    this.#preset = options.preset.map(({ name, key, scopes }) => ({
      hash: digest(key),
      principal: { id: `key:${name}`, scopes },
    }));
    this.#known = new LRUCache({ max: KEYS_CACHED_MAX, ttl: options.cacheMs });
  }

  async authenticate(token: string): Promise<Principal | undefined> {
    const hash = digest(token);
    // Each is compared, in constant time: how long it takes tells nothing about any of them.
    const preset = this.#preset.filter((one) => timingSafeEqual(one.hash, hash));
    if (preset[0]) return preset[0].principal;
    const cached = this.#known.get(hash.toString('base64'));
    if (cached) return cached;
    const row = await this.database.getRepository(KeyRow).findOneBy({ hash, revokedAt: IsNull() });
    if (!row) return undefined;
    const principal = { id: `key:${row.id}`, scopes: row.scopes };
    this.#known.set(hash.toString('base64'), principal);
    return principal;
  }

  /** Makes a key and answers it; it is shown this once and cannot be had again. */
  async create(name: string, scopes: Scope[]): Promise<string> {
    const id = randomUUID();
    const key = `ph_${randomBytes(32).toString('base64url')}`;
    // First the log: a crash in between leaves a record without a key, never a key without record.
    await appendToSystem(this.log, {
      type: 'key.created',
      data: { keyId: id, name, scopes },
    });
    await this.database.getRepository(KeyRow).insert({
      id,
      name,
      hash: digest(key),
      scopes,
      createdAt: new Date(),
      revokedAt: null,
    });
    return key;
  }

  /** Whether anybody holds a key of the database that still opens everything. */
  async hasAdmin(): Promise<boolean> {
    const rows = await this.database.getRepository(KeyRow).findBy({ revokedAt: IsNull() });
    return rows.some((row) => row.scopes.includes('admin'));
  }
}
