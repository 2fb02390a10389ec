import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { ReadModelStatus, Swapped } from '@playhead/contract';
import type { Bench, Figure } from './support/bench.ts';
import { SESSIONS } from './support/filled-database.ts';
import { EVENTS_PER_SESSION, fillLog } from './support/filled-log.ts';
import { playhead } from './support/compared-servers.ts';
import { measureLatencies } from './support/live-latencies.ts';
import { adminKey, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';

const sets: readonly [name: string, projections: readonly string[]][] = [
  ['sessions', ['sessions']],
  ['messages', ['messages']],
  ['both', ['sessions', 'messages']],
  [
    'all',
    [
      ...['sessions', 'session_order', 'messages', 'participants'],
      ...['tools', 'timeline', 'search_entries'],
    ],
  ],
];

/** Rows that a plain statement reads at a time. */
const PLAIN_ROWS = 5_000;

/**
 * Rebuilds read models of a log with 20 events a session, beside a service that does nothing else:
 * events a second from the request to the point where both copies are compared, which comes apart.
 * `plain-read` is one `select` of the same events through pg, `plain-insert` one of all messages.
 */
export const rebuild: Bench = {
  name: 'rebuild',
  async run({ freshDatabase }) {
    const database = await freshDatabase();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await fillLog(client, SESSIONS);
    const service = await startService(database.url);
    try {
      const begin = performance.now();
      await caughtUp(service.url);
      const first = perSecond(SESSIONS * EVENTS_PER_SESSION, begin);
      const figures = await plain(client);
      figures.push({ name: 'first-build', value: first, unit: 'events/s' });
      for (const [name, names] of sets) {
        figures.push(...(await rebuilt(service.url, service.pid, name, names)));
      }
      figures.push(...(await swapped(service.url)), ...(await live(service.url)));
      return figures;
    } finally {
      await service.stop();
      await client.end();
      await database.drop();
    }
  },
};

async function ask<Body>(url: string, path: string, body?: object): Promise<Body> {
  const answer = await fetch(`${url}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Body;
}

interface Ready {
  readonly log: { readonly head: string };
  readonly projections: readonly { readonly position: string }[];
}

async function caughtUp(url: string): Promise<void> {
  for (;;) {
    const { log, projections } = (await (await fetch(`${url}/health/ready`)).json()) as Ready;
    if (log.head && projections.every(({ position }) => position >= log.head)) return;
    await sleep(200);
  }
}

async function plain(client: pg.Client): Promise<Figure[]> {
  const events = SESSIONS * EVENTS_PER_SESSION;
  let begin = performance.now();
  await client.query('begin');
  await client.query('declare plain cursor for select * from events order by stream, revision');
  for (let rows = 1; rows > 0;) {
    rows = (await client.query(`fetch ${PLAIN_ROWS} from plain`)).rows.length;
  }
  await client.query('commit');
  const read = { name: 'plain-read', value: perSecond(events, begin), unit: 'events/s' };
  await client.query('create temporary table copied (like messages including indexes)');
  begin = performance.now();
  const { rowCount } = await client.query('insert into copied select * from messages');
  const copy = perSecond(rowCount ?? 0, begin);
  return [read, { name: 'plain-insert', value: copy, unit: 'rows/s' }];
}

const perSecond = (count: number, begin: number): number =>
  (count * 1_000) / (performance.now() - begin);

async function rebuilt(
  url: string,
  servicePid: number,
  name: string,
  names: readonly string[],
): Promise<Figure[]> {
  const begin = performance.now();
  let memory = 0;
  let rate = 0;
  await ask(url, '/api/projections/rebuild', { names, dryRun: true });
  for (;;) {
    const { projections } = await ask<{ projections: ReadModelStatus[] }>(url, '/api/projections');
    const ours = projections.filter((one) => names.includes(one.name));
    const phases = ours.map(({ rebuild: found }) => found?.phase ?? 'failed');
    memory = Math.max(memory, memoryOfChildren(servicePid));
    if (phases.includes('failed')) throw new Error(JSON.stringify(ours));
    const isBuilt = phases.every((phase) => phase !== 'reading' && phase !== 'indexing');
    if (rate === 0 && isBuilt) rate = perSecond(SESSIONS * EVENTS_PER_SESSION, begin);
    if (phases.every((phase) => phase === 'compared')) {
      const compared = ours.flatMap(({ rebuild: found }) => found?.compared ?? []);
      if (compared.some(({ differing }) => Object.keys(differing).length > 0)) {
        throw new Error(JSON.stringify(compared));
      }
      const rows = compared.reduce((sum, one) => sum + one.rows.new, 0);
      const ms = compared.reduce((sum, one) => sum + one.tookMs, 0);
      return [
        { name, value: rate, unit: 'events/s' },
        { name: `${name}.verify`, value: (rows * 1_000) / ms, unit: 'rows/s' },
        { name: `${name}.memory`, value: memory / 1024 / 1024, unit: 'MB' },
      ];
    }
    await sleep(100);
  }
}

/** Resident memory of the processes that the service has started, in bytes (Linux). */
function memoryOfChildren(pid: number): number {
  const isChild = (one: string): boolean => {
    const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${one}/stat`, 'utf8')) ?? [];
    return Number(parent) === pid;
  };
  let bytes = 0;
  for (const one of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!isChild(one)) continue;
      const status = readFileSync(`/proc/${one}/status`, 'utf8');
      bytes += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      // It has ended since.
    }
  }
  return bytes;
}

async function swapped(url: string): Promise<Figure[]> {
  await ask(url, '/api/projections/rebuild', { names: ['messages'] });
  for (;;) {
    const { projections } = await ask<{ projections: ReadModelStatus[] }>(url, '/api/projections');
    const found = projections.find(({ name }) => name === 'messages');
    if (found?.rebuild?.phase === 'ready') break;
    await sleep(100);
  }
  const there = await ask<Swapped>(url, '/api/projections/messages/swap', {});
  const back = await ask<Swapped>(url, '/api/projections/messages/rollback', {});
  return [
    { name: 'swap', value: there.pauseMs, unit: 'ms' },
    { name: 'rollback', value: back.pauseMs, unit: 'ms' },
  ];
}

/** The service is compiled while it runs. */
const WARM_UP_MS = 15_000;

/** What viewers wait for a message, without and with a rebuild of all read models. */
async function live(url: string): Promise<Figure[]> {
  const alone = await measureLatencies(playhead, url, WARM_UP_MS);
  const names = sets.at(-1)?.[1] ?? [];
  await ask(url, '/api/projections/rebuild', { names, dryRun: true });
  const beside = await measureLatencies(playhead, url, WARM_UP_MS);
  const { projections } = await ask<{ projections: ReadModelStatus[] }>(url, '/api/projections');
  if (projections.every(({ rebuild: found }) => found?.phase === 'compared')) {
    throw new Error('the rebuild was over too soon: take more sessions');
  }
  return [
    { name: 'live.p99', value: quantile(alone.latencies, 0.99), unit: 'ms' },
    { name: 'live.rebuilding.p99', value: quantile(beside.latencies, 0.99), unit: 'ms' },
  ];
}
