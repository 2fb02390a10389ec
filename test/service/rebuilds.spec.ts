import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { ReadModelStatus, Swapped } from '@playhead/contract';
import { EVENTS_PER_SESSION, fillLog } from '../../bench/support/filled-log.ts';
import { Run } from '../support/cli.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { repeats } from '../support/repeats.ts';
import { startTraffic } from '../support/traffic.ts';
import { adminKey, logInPostgres, RunningService } from '../support/service.ts';

/** `PLAYHEAD_REBUILT_SESSIONS=50000` has 1,000,000 events, which takes ten minutes alone. */
const SESSIONS = Number(
  process.env.PLAYHEAD_REBUILT_SESSIONS ?? repeats({ few: 1_000, all: 6_000 }),
);
/** Long on a machine that has much else to do. */
const PATIENCE_MS = 300_000;

let database: TestDatabase;
let client: pg.Client;
let service: RunningService;

const start = async (): Promise<void> => {
  service = await RunningService.start({ DATABASE_URL: database.url, ...logInPostgres });
};

beforeAll(async () => {
  database = await freshDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await fillLog(client, SESSIONS);
  await start();
  // The first build is a rebuild too: whoever starts next goes on with it.
  await until(async () => (await filled()) > 0);
  await service.kill();
  await start();
  await until(async () => (await service.request('/health/ready')).status === 200);
  await service.caughtUp(PATIENCE_MS);
}, PATIENCE_MS);

/** Events that the parts of all rebuilds have read. */
const filled = async (): Promise<number> => {
  const { rows } = await client.query<{ events: number }>(
    'select coalesce(sum(events), 0)::int as events from rebuild_parts',
  );
  return rows[0]?.events ?? 0;
};

afterEach(async () => {
  for (const name of ['sessions', 'messages']) {
    for (const verb of ['cancel', 'drop-old']) await post(`${name}/${verb}`);
  }
});

afterAll(async () => {
  await service.stop();
  await client.end();
  await database.drop();
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const begun = Date.now(); !(await holds()); await sleep(20)) {
    if (Date.now() - begun > PATIENCE_MS) throw new Error(`never: ${holds.toString()}`);
  }
}

const statusOf = async (name: string): Promise<ReadModelStatus> => {
  const found = (await service.readModels()).find((one) => one.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};

const post = async (path: string, body: object = {}) => {
  const text = JSON.stringify(body);
  return service.request(`/api/projections/${path}`, { type: 'application/json', body: text });
};

/** Once a phase is over; throws when the rebuild came to a bad end. */
const reached = async (name: string, phase: string): Promise<ReadModelStatus> => {
  let status = await statusOf(name);
  await until(async () => {
    status = await statusOf(name);
    const { rebuild } = status;
    if (rebuild?.phase === phase) return true;
    if (rebuild && !['failed', 'refused'].includes(rebuild.phase)) return false;
    throw new Error(`${name}: ${JSON.stringify(rebuild)}`);
  });
  return status;
};

/** Processes that the service has started. */
const children = (): number[] => {
  try {
    const found = execFileSync('pgrep', ['-P', String(service.process.pid)], { encoding: 'utf8' });
    return found.trim().split('\n').map(Number);
  } catch {
    return [];
  }
};

describe('read models that are rebuilt while people work', () => {
  it(
    'lose no reader, survive kill -9, and are swapped and rolled back with proof',
    async () => {
      const created = Array.from({ length: 50 }, (_, nth) =>
        service.request('/api/sessions', {
          type: 'application/json',
          body: JSON.stringify({ sessionId: `live-${nth}` }),
        }),
      );
      for (const { status, text } of await Promise.all(created))
        expect([status, text]).toEqual([201, expect.anything()]);
      const { rows } = await client.query<{ id: string }>(
        `select session_id as id from sessions where session_id not like 'live-%'`,
      );
      const load = startTraffic(
        service,
        rows.map(({ id }) => id),
      );
      const names = ['sessions', 'messages'];
      expect((await post('rebuild', { names })).status).toBe(200);
      await until(
        async () =>
          ((await statusOf('sessions')).rebuild?.events ?? 0) > 0 ||
          (await statusOf('sessions')).rebuild?.phase !== 'reading',
      );
      for (const pid of children()) process.kill(pid, 'SIGKILL');
      for (const name of names) {
        const { rebuild } = await reached(name, 'ready');
        expect(rebuild?.compared).toMatchObject({ differing: {}, notCompared: [] });
        expect(rebuild?.compared?.rows.new).toBeGreaterThanOrEqual(SESSIONS);
      }
      for (const verb of ['swap', 'rollback']) {
        for (const name of names) {
          const { status, body } = await post(`${name}/${verb}`);
          expect([status, body]).toEqual([200, expect.anything()]);
          console.log(
            `${verb} of ${name}: readers waited ${(body as Swapped).pauseMs.toFixed(1)} ms`,
          );
        }
      }
      const { writes, reads } = await load.end();
      expect(Math.min(writes, reads)).toBeGreaterThan(20);
      for (const name of names) {
        const verified = await post(`${name}/verify`);
        expect(verified.body).toMatchObject({ differing: {} });
      }
    },
    2 * PATIENCE_MS,
  );

  it(
    'go on with the next start when the service is killed',
    async () => {
      expect((await post('rebuild', { names: ['messages'] })).status).toBe(200);
      await until(async () => (await statusOf('messages')).rebuild?.phase === 'reading');
      await until(async () => children().length > 0);
      const orphans = children();
      await service.kill();
      await until(async () => orphans.every((pid) => !isAlive(pid)));
      await start();
      const { rebuild } = await reached('messages', 'ready');
      expect(rebuild?.compared).toMatchObject({
        differing: {},
        rows: { new: expect.any(Number) as number },
      });
      const rows = rebuild?.compared?.rows;
      expect(rows?.new).toBe(rows?.old);
      expect(rows?.new).toBeGreaterThan(SESSIONS * (EVENTS_PER_SESSION - 4));
    },
    2 * PATIENCE_MS,
  );

  it(
    'go on when all connections to Postgres are cut, once in each phase',
    async () => {
      const names = ['messages', 'sessions'];
      expect((await post('rebuild', { names })).status).toBe(200);
      const cut = new Set<string>();
      await until(async () => {
        const { rows } = await client.query<{ phase: string }>('select phase from rebuilds');
        const phases = rows.map(({ phase }) => phase);
        expect(phases).not.toContain('failed');
        for (const phase of phases.filter((one) => one !== 'ready' && !cut.has(one))) {
          cut.add(phase);
          await client.query(
            `select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()`,
          );
        }
        return phases.every((phase) => phase === 'ready');
      });
      expect([...cut]).toContain('reading');
      for (const name of names) {
        expect((await post(`${name}/verify`)).body).toMatchObject({ differing: {} });
      }
    },
    2 * PATIENCE_MS,
  );

  it(
    'are refused with the row that was changed by hand, on the command line',
    async () => {
      const { rows } = await client.query<{ id: string }>(
        `update sessions set name = 'forged'
       where session_id = (select max(session_id) from sessions)
       returning session_id as id`,
      );
      const env = { PLAYHEAD_URL: service.url, PLAYHEAD_ADMIN_KEY: adminKey };
      const run = (...args: string[]) => new Run(['projections', ...args], env).ended();
      const rebuilt = await run('rebuild', 'sessions');
      expect(rebuilt.code).toBe(1);
      expect(rebuilt.out).toContain('rows that differ: name 1');
      expect(rebuilt.out).toContain(rows[0]?.id);
      expect(rebuilt.out).toContain('forged');
      expect(await run('swap', 'sessions')).toMatchObject({ code: 1 });
      expect((await run('status')).out).toMatch(/sessions .* refused: rows differ in name/);
      expect(await run('swap', 'sessions', '--accept', 'name')).toMatchObject({ code: 0 });
      expect(await run('rollback', 'sessions')).toMatchObject({ code: 0 });
      expect((await run('verify', 'sessions')).err).toContain('rows differ in name');
      expect(await run('drop-old', 'sessions')).toMatchObject({ code: 0 });
      expect((await run('rollback', 'sessions')).err).toContain('no previous rows');
      const dry = await run('rebuild', 'messages', '--dry-run', '--json');
      expect(dry.code).toBe(0);
      expect((await run('swap', 'messages')).err).toContain('messages is compared');
    },
    2 * PATIENCE_MS,
  );

  it('answer what cannot be with code and field', async () => {
    expect(await post('rebuild', { names: ['nothing'] })).toMatchObject({
      status: 400,
      body: { code: 'invalid', field: 'names' },
    });
    expect(await post('rebuild', { names: [] })).toMatchObject({
      status: 400,
      body: { field: 'names' },
    });
    expect(await post('nothing/swap')).toMatchObject({ status: 404 });
    for (const verb of ['swap', 'rollback', 'cancel', 'drop-old', 'verify']) {
      expect([verb, await post(`sessions/${verb}`)]).toMatchObject([
        verb,
        { status: 409, body: { code: 'refused' } },
      ]);
    }
    const read = await service.request('/api/projections', { key: null });
    expect(read.status).toBe(401);
    const stream = await fetch(`${service.url}/api/projections/progress`, {
      headers: { authorization: `Bearer ${adminKey}` },
    });
    let text = '';
    const decoder = new TextDecoder();
    for await (const part of stream.body ?? []) {
      text += decoder.decode(part, { stream: true });
      const [, data] = /event: progress\ndata: (.*)\n\n/.exec(text) ?? [];
      if (data === undefined) continue;
      expect(JSON.parse(data)).toEqual(await service.get('/api/projections'));
      break;
    }
    expect(text).toContain('event: progress');
  });
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
