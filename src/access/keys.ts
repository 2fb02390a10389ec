import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Scope } from '@playhead/contract';
import { In, IsNull, type DataSource } from 'typeorm';
import type { EventLog } from '../log/event-log.ts';
import { digest, IssuedKeys, KeyRow } from './issued-keys.ts';
import type { Authenticator, Principal } from './principal.ts';

export { KeyRow } from './issued-keys.ts';

/** A key that the environment sets; it lives as long as the variable. */
export interface PresetKey {
  readonly name: string;
  readonly key: string;
  readonly scopes: readonly Scope[];
}

/** The keys that the environment sets, and how long the others are trusted. */
export interface KeysOptions {
  readonly preset: readonly PresetKey[];
  /** How long a looked-up key is trusted without looking again; 0: not at all. */
  readonly cacheMs: number;
}

const KEYS_CACHED_MAX = 10_000;

/** Who a key of the database makes of its holder. */
export const principalIdOf = (keyId: string): string => `key:${keyId}`;

/**
 * The keys that open the service: those of the environment and those in the database.
 *
 * Read this file first. It says whose key a request shows (`principal.ts`); `issued-keys.ts` makes,
 * lists and revokes the keys of the database and records that in the log (`system-stream.ts`);
 * `revocations.ts` ends what a revoked key has open (`connections.ts`). `rate-limit.ts` and
 * `allowed-origins.ts` are the two other checks that a request must pass.
 */
export class Keys implements Authenticator {
  /** Those of the database, for admins to change. */
  readonly issued: IssuedKeys;
  readonly #preset: readonly { hash: Buffer; principal: Principal }[];
  readonly #known: LRUCache<string, Principal, Buffer>;
  readonly #isCached: boolean;

  constructor(
    private readonly database: DataSource,
    log: EventLog,
    options: KeysOptions,
  ) {
    const isAdminPreset = options.preset.some(({ scopes }) => scopes.includes('admin'));
    this.issued = new IssuedKeys(database, log, isAdminPreset);
    this.#preset = options.preset.map(({ name, key, scopes }) => ({
      hash: digest(key),
      principal: { id: principalIdOf(name), name, scopes },
    }));
    // Entries with a time to live of 0 would live for ever.
    this.#isCached = options.cacheMs > 0;
    this.#known = new LRUCache({
      max: KEYS_CACHED_MAX,
      ttl: options.cacheMs,
      fetchMethod: (_key, _stale, { context }) => this.#lookUp(context),
    });
  }

  async authenticate(token: string): Promise<Principal | undefined> {
    const hash = digest(token);
    // Each is compared, in constant time: how long it takes tells nothing about any of them.
    const preset = this.#preset.filter((one) => timingSafeEqual(one.hash, hash));
    if (preset[0]) return preset[0].principal;
    if (!this.#isCached) return this.#lookUp(hash);
    // Those who ask at once, such as everybody after a restart, share one look.
    return this.#known.fetch(hash.toString('base64'), { context: hash });
  }

  async #lookUp(hash: Buffer): Promise<Principal | undefined> {
    const row = await this.database.getRepository(KeyRow).findOneBy({ hash, revokedAt: IsNull() });
    if (!row) return undefined;
    const { id, name, scopes } = row;
    return { id: principalIdOf(id), name, scopes };
  }

  /** A principal's key is looked up again when it is shown next. */
  forget(principalId: string): void {
    for (const [hash, { id }] of this.#known.entries()) {
      if (id === principalId) this.#known.delete(hash);
    }
  }

  /** Those of some principals whose key opens nothing any more. */
  async endedAmong(principalIds: readonly string[]): Promise<string[]> {
    const preset = new Set(this.#preset.map(({ principal }) => principal.id));
    const asked = principalIds.filter((id) => !preset.has(id));
    if (asked.length === 0) return [];
    const valid = await this.database.getRepository(KeyRow).find({
      select: { id: true },
      where: { id: In(asked.map((id) => id.replace(/^key:/, ''))), revokedAt: IsNull() },
    });
    const still = new Set(valid.map(({ id }) => principalIdOf(id)));
    return asked.filter((id) => !still.has(id));
  }

  /** Makes a key and answers it; it is shown this once and cannot be had again. */
  async create(name: string, scopes: Scope[]): Promise<string> {
    return (await this.issued.create({ name, scopes }, 'system')).key;
  }

  /** Whether anybody holds a key of the database that still opens everything. */
  hasAdmin(): Promise<boolean> {
    return this.issued.hasAdmin();
  }
}
