import { isIP } from 'node:net';
import { z } from 'zod';
import { limits, type Limits } from './limits.ts';

export { limits, type Limits } from './limits.ts';

const text = z.string().min(1);

const whole = (min: number, max: number) =>
  z
    .string()
    .refine((value) => /^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);

/** A key must fit into the header that carries it. */
const key = (least: number) =>
  z
    .string()
    .regex(
      new RegExp(`^[!-~]{${least},}$`),
      `must be at least ${least} ASCII characters without spaces`,
    );

const ORIGIN_EXPECTED = 'must be *, null or origins such as https://app.example.com, with commas';

/** What browsers send as `Origin`: scheme, host and port, nothing behind them; or `*` for all. */
function isOrigin(text: string): boolean {
  if (text === '*' || text === 'null') return true;
  try {
    return /^https?:/.test(text) && new URL(text).origin === text;
  } catch {
    return false;
  }
}

const PROXY_EXPECTED = 'must be addresses or networks such as 10.0.0.0/8, with commas';

/** An address, a network as CIDR, or a name for some of them: `loopback` and the like. */
function isAddress(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address = '', bits, ...rest] = text.split('/');
  const bitsMax = isIP(address) === 4 ? 32 : 128;
  const isNetwork = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax);
  return isIP(address) !== 0 && isNetwork && rest.length === 0;
}

const environment = z.object({
  PORT: whole(0, 65_535).default(3000),
  HOST: text.default('127.0.0.1'),
  PLAYHEAD_DATA_DIR: text.default('./.playhead'),
  PLAYHEAD_ADMIN_KEY: key(16).optional(),
  AGENTPIPE_BRIDGE_API_KEY: key(8).optional(),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' })
    .optional(),
  EVENTSTORE_URL: z
    .string()
    .regex(/^esdb(\+discover)?:\/\/[^/?]+/, 'must be an esdb:// or esdb+discover:// address')
    .optional(),
  EVENTSTORE_STREAM_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._]{1,64}$/, 'must be 1 to 64 letters, digits, dots or underscores')
    .default(''),
  EVENTSTORE_MAX_APPEND_SIZE: whole(1024 * 1024, 16 * 1024 * 1024).default(1024 * 1024),
  PLAYHEAD_INGEST_PER_MINUTE: whole(1, 1_000_000).default(100),
  PLAYHEAD_REQUESTS_PER_MINUTE: whole(1, 100_000_000).default(6_000),
  PLAYHEAD_SOCKETS_PER_KEY: whole(1, 1_000_000).default(2_000),
  PLAYHEAD_ALLOWED_ORIGINS: z
    .string()
    .transform((text) => text.split(',').map((origin) => origin.trim()))
    .pipe(z.array(z.string().refine(isOrigin, { error: ORIGIN_EXPECTED })))
    .optional(),
  PLAYHEAD_TRUSTED_PROXIES: z
    .string()
    .transform((text) => text.split(',').map((address) => address.trim()))
    .pipe(z.array(z.string().refine(isAddress, { error: PROXY_EXPECTED })))
    .default([]),
  PLAYHEAD_DISK_WARN_BELOW_MB: whole(0, 1_000_000_000).default(1_024),
  PLAYHEAD_CHECKED_SESSIONS_PER_MINUTE: whole(0, 60_000).default(6),
  PLAYHEAD_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** What the environment decides. */
export interface Config {
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly adminKey: string | undefined;
  readonly ingestKey: string | undefined;
  /** The user's Postgres; the embedded one when undefined. */
  readonly databaseUrl: string | undefined;
  /** EventStoreDB that keeps the events; they are in Postgres when undefined. */
  readonly eventStoreUrl: string | undefined;
  /** Before the names of streams there, so that several logs may share a server. */
  readonly eventStorePrefix: string;
  /** The server's own limit of one append, `MaxAppendSize`, in bytes. */
  readonly eventStoreMaxAppendSize: number;
  /** Events a minute and conversation that ingest may add. */
  readonly ingestPerMinute: number;
  /** Requests a minute that one key may make of one node. */
  readonly requestsPerMinute: number;
  /** Sockets, and streams beside them, that one key may have open on one node. */
  readonly socketsPerKey: number;
  /** Origins whose pages may use the service, or `*`; undefined: see `AllowedOrigins`. */
  readonly allowedOrigins: readonly string[] | undefined;
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Free disk space in bytes below which the service warns, of its own Postgres. */
  readonly diskWarnBelowBytes: number;
  /** Sessions a minute whose rows the node compares with the log; 0 for none. */
  readonly checkedSessionsPerMinute: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly limits: Limits;
}

/** A value of the environment is wrong; the message names each variable. */
export class ConfigError extends Error {}

/** Reads the configuration once, at start. Throws `ConfigError`. Empty variables count as unset. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const read = environment.safeParse(set);
  if (!read.success) {
    const wrong = read.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`);
    throw new ConfigError([...new Set(wrong)].join('\n'));
  }
  const { data } = read;
  return {
    port: data.PORT,
    host: data.HOST,
    dataDir: data.PLAYHEAD_DATA_DIR,
    adminKey: data.PLAYHEAD_ADMIN_KEY,
    ingestKey: data.AGENTPIPE_BRIDGE_API_KEY,
    databaseUrl: data.DATABASE_URL,
    eventStoreUrl: data.EVENTSTORE_URL,
    eventStorePrefix: data.EVENTSTORE_STREAM_PREFIX,
    eventStoreMaxAppendSize: data.EVENTSTORE_MAX_APPEND_SIZE,
    ingestPerMinute: data.PLAYHEAD_INGEST_PER_MINUTE,
    requestsPerMinute: data.PLAYHEAD_REQUESTS_PER_MINUTE,
    socketsPerKey: data.PLAYHEAD_SOCKETS_PER_KEY,
    allowedOrigins: data.PLAYHEAD_ALLOWED_ORIGINS,
    trustedProxies: data.PLAYHEAD_TRUSTED_PROXIES,
    checkedSessionsPerMinute: data.PLAYHEAD_CHECKED_SESSIONS_PER_MINUTE,
    diskWarnBelowBytes: data.PLAYHEAD_DISK_WARN_BELOW_MB * 1024 * 1024,
    logLevel: data.PLAYHEAD_LOG_LEVEL,
    limits,
  };
}
