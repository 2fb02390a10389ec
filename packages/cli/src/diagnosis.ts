import { readFile } from 'node:fs/promises';
import { whoami } from '@playhead/contract';
import { Failure } from './failure.ts';
import { exchange, type Answer, type ServiceOptions } from './service.ts';

/** Clocks that differ by more make the times of events misleading. */
const SKEW_MS_MAX = 5_000;
/** Lists that are further behind are visibly old. */
const LAG_MS_MAX = 10_000;

/** The result of one check. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly found: string;
  /** What to do about it when it is not well. */
  readonly advice?: string;
}

/** Runs all checks; only the first one when the service does not answer. */
export async function diagnose(service: ServiceOptions): Promise<Check[]> {
  const live = await exchange({ ...service, key: undefined }, '/health/live').catch(
    (failure: Failure) => failure,
  );
  if (live instanceof Failure) {
    return [bad('service', live.message, 'start it, or set PLAYHEAD_URL')];
  }
  if (live.status !== 200 || (live.value as { status?: unknown } | undefined)?.status !== 'live') {
    const found = `${service.url} does not answer like Playhead (HTTP ${live.status})`;
    return [bad('service', found, 'set PLAYHEAD_URL to the address of the service itself')];
  }
  return [
    good('service', `${service.url} answers`),
    clock(live),
    ...readiness(await exchange({ ...service, key: undefined }, '/health/ready')),
    ...(await keyChecks(service)),
  ];
}

const good = (name: string, found: string): Check => ({ name, ok: true, found });
const bad = (name: string, found: string, advice: string): Check => ({
  ...{ name, ok: false, found, advice },
});

/** The service's clock is found to the second. */
function clock({ headers }: Answer): Check {
  const skewMs = Date.parse(headers.get('date') ?? '') - Date.now();
  if (Number.isNaN(skewMs)) return good('clock', 'the service sends no Date header');
  const found = `${Math.round(Math.abs(skewMs) / 1000)} s apart from the service's`;
  if (Math.abs(skewMs) <= SKEW_MS_MAX) return good('clock', found);
  return bad('clock', found, 'let both machines set their clocks by NTP');
}

interface Readiness {
  readonly status: string;
  readonly log: { readonly answers: boolean; readonly following: boolean };
  readonly database: { readonly answers: boolean };
  readonly projections: readonly {
    readonly name: string;
    readonly lagEvents: number | null;
    readonly lagMs: number;
    readonly parked: number;
    readonly standingBy: boolean;
    readonly error: string | null;
  }[];
}

function readiness({ value }: Answer): Check[] {
  const { status, log, database, projections } = value as Readiness;
  const silent = [
    ...(log.answers ? [] : ['the log does not answer']),
    ...(log.following ? [] : ['the log is not followed']),
    ...(database.answers ? [] : ['the database does not answer']),
  ];
  const ready =
    status === 'ready'
      ? good('ready', 'log and database answer')
      : bad('ready', silent.join(', '), 'see whether Postgres runs and what the service logs');
  return [ready, ...projections.map(readModel)];
}

function readModel(model: Readiness['projections'][number]): Check {
  const { name, lagEvents, lagMs, parked, standingBy, error } = model;
  if (error !== null) return bad(name, error, 'mend what it names; it goes on by itself');
  if (parked > 0) {
    const found = `${parked} sessions parked`;
    return bad(name, found, 'playhead parked list says why; their rows are not kept up to date');
  }
  const behind = `${lagEvents ?? 'very many'} events and ${lagMs} ms behind`;
  if (lagMs > LAG_MS_MAX) return bad(name, behind, 'wait while it shrinks, else see the log');
  return good(name, standingBy ? `${behind}; another node does the work` : behind);
}

async function keyChecks(service: ServiceOptions): Promise<Check[]> {
  if (!service.key) return [bad('key', 'none given', 'pass --key or set PLAYHEAD_ADMIN_KEY')];
  const { status, value } = await exchange(service, '/api/whoami');
  if (status === 401) {
    return [bad('key', 'is not valid', 'it was revoked or mistyped; see playhead keys list')];
  }
  const holder = whoami.safeParse(value).data;
  if (status !== 200 || !holder) {
    return [bad('key', `the service does not say whose it is (HTTP ${status})`, 'ask it again')];
  }
  const { name, scopes } = holder;
  const mayRead = scopes.includes('read') || scopes.includes('admin');
  const found = scopes.includes('admin') ? 'do everything' : scopes.join(', ');
  return [good('key', `${name} may ${found}`), ...(mayRead ? [await version(service)] : [])];
}

async function version(service: ServiceOptions): Promise<Check> {
  const { value } = await exchange(service, '/api/docs');
  const { info } = (value ?? {}) as { info?: { version?: string } };
  const own = await ownVersion();
  const found = `service ${info?.version ?? 'unknown'}, command ${own}`;
  if (info?.version === own) return good('version', found);
  return bad('version', found, 'install the command that comes with the service');
}

async function ownVersion(): Promise<string> {
  const about = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(about) as { version: string }).version;
}
