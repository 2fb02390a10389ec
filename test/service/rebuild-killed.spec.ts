import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { migrations } from '../../migrations/index.ts';
import { fillLog } from '../../bench/support/filled-log.ts';
import { migrate, openDatabase } from '../../src/startup/database.ts';
import { holdPostgres, processesIn, temporaryFolder } from '../support/postgres-process.ts';
import { repeats } from '../support/repeats.ts';
import { RunningService } from '../support/service.ts';

const SESSIONS = repeats({ few: 500, all: 2_000 });
const PATIENCE_MS = 60_000;
const NAMES = ['sessions', 'messages'];

const phases = ['reading', 'indexing', 'catching-up', 'comparing'] as const;
const victims = ['postgres', 'service', 'rebuild'] as const;

let folder: string;
let service: RunningService;

/** Of the Postgres that the service has started: lines 4 and 5 say where it listens. */
const addressOf = async (): Promise<{ host: string; port: number; pid: number }> => {
  const text = await readFile(join(folder, 'postgres/postmaster.pid'), 'utf8');
  const [pid, , , port, host] = text.split('\n');
  return { host: host ?? '', port: Number(port), pid: Number(pid) };
};

const connect = async (): Promise<pg.Client> => {
  const { host, port } = await addressOf();
  const client = new pg.Client({ host, port, user: 'postgres', database: 'playhead' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

const start = async (): Promise<void> => {
  service = await RunningService.start({ PLAYHEAD_DATA_DIR: folder, EVENTSTORE_URL: '' });
};

/** Waits until a rebuild is in a phase; false when it has gone past it unseen. */
async function seen(client: pg.Client, phase: string): Promise<boolean> {
  for (;;) {
    const { rows } = await client.query<{ phase: string; started: boolean }>(
      `select phase, exists (select from rebuild_parts where events > 0) as started from rebuilds`,
    );
    if (rows.some((row) => row.phase === phase && (phase !== 'reading' || row.started)))
      return true;
    if (rows.length > 0 && rows.every((row) => row.phase === 'ready')) return false;
  }
}

const kill: Record<(typeof victims)[number], () => Promise<void>> = {
  async postgres() {
    const { pid } = await addressOf();
    const ended = once(service.process, 'exit');
    process.kill(pid, 'SIGKILL');
    await ended;
  },
  service: () => service.kill(),
  async rebuild() {
    const parent = String(service.process.pid);
    const found = execFileSync('pgrep', ['-f', '-P', parent, 'operate/rebuild'], {
      encoding: 'utf8',
    });
    for (const pid of found.trim().split('\n')) process.kill(Number(pid), 'SIGKILL');
  },
};

/** Once all rebuilds are ready, the rows have been proven to be the same. */
async function proven(): Promise<void> {
  for (const begun = Date.now(); ; await sleep(50)) {
    const rebuilds = (await service.readModels()).flatMap(({ rebuild }) => rebuild ?? []);
    if (rebuilds.length === NAMES.length && rebuilds.every(({ phase }) => phase === 'ready')) {
      for (const { compared } of rebuilds) {
        expect(compared).toMatchObject({ differing: {} });
        expect(compared?.rows.new).toBeGreaterThanOrEqual(SESSIONS);
      }
      return;
    }
    const isOver = rebuilds.some(({ phase }) => phase === 'failed' || phase === 'refused');
    if (isOver || Date.now() - begun > PATIENCE_MS) throw new Error(JSON.stringify(rebuilds));
  }
}

beforeAll(async () => {
  folder = await temporaryFolder();
  const postgres = holdPostgres(folder);
  const url = await postgres.url;
  const database = await openDatabase(url, { entities: [], migrations, poolSize: 2 });
  await migrate(database);
  await database.destroy();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await fillLog(client, SESSIONS);
  await client.end();
  await postgres.end('SIGTERM');
  await start();
  await service.caughtUp(2 * PATIENCE_MS);
}, 3 * PATIENCE_MS);

afterAll(async () => {
  await service.stop();
  expect(processesIn(folder)).toEqual([]);
  await rm(folder, { recursive: true });
}, PATIENCE_MS);

/** Each victim in each phase; on a developer's machine each phase once. */
const cases = repeats({ few: 1, all: victims.length });
const kills = phases.flatMap((phase, nth) =>
  Array.from({ length: cases }, (_, more) => ({
    victim: victims[(nth + more) % victims.length] ?? 'postgres',
    phase,
  })),
);

it.each(kills)(
  'kill -9 of $victim while a rebuild is $phase loses nothing: it goes on and is proven',
  async ({ victim, phase }) => {
    for (let isHit = false; !isHit;) {
      const client = await connect();
      await service.post('/api/projections/rebuild', { names: NAMES });
      isHit = await seen(client, phase);
      if (isHit) await kill[victim]();
      await client.end().catch(() => undefined);
      if (isHit && victim !== 'rebuild') await start();
      await proven();
      for (const name of NAMES) await service.post(`/api/projections/${name}/cancel`, {});
    }
  },
  2 * PATIENCE_MS,
);

it(
  'a swap during which Postgres is killed is done or not, and can be done or undone then',
  async () => {
    await service.post('/api/projections/rebuild', { names: NAMES });
    await proven();
    const swap = service.request('/api/projections/messages/swap', { method: 'POST' });
    swap.catch(() => undefined);
    await sleep(Math.random() * 30);
    await kill.postgres();
    await start();
    const found = (await service.readModels()).find(({ name }) => name === 'messages');
    const verb = found?.previous ? 'rollback' : 'swap';
    await service.post(`/api/projections/messages/${verb}`, {});
    await service.post('/api/projections/messages/verify', {});
    const { pagination } = await service.get<{ pagination: { total: number } }>('/api/sessions');
    expect(pagination.total).toBe(SESSIONS);
  },
  2 * PATIENCE_MS,
);
