import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConsoleOpened, SessionEvent } from '@playhead/contract';
import { projections } from '../../projections/index.ts';
import type { Copied } from '../../src/operate/copy-log.ts';
import { Run } from '../support/cli.ts';
import { emptyDatabase, freshDatabase } from '../support/database.ts';
import { Load } from '../support/load.ts';
import { query, temporaryFolder } from '../support/postgres-process.ts';
import { Program } from '../support/program.ts';
import { logInPostgres, RunningService } from '../support/service.ts';
import { folderKey, messageBody, startIn } from '../support/service-in-folder.ts';

/* A log is moved from one store to another, as a person does it. */

const sessionIds = ['a', 'b', 'c', 'd'];

const copy = (...args: string[]): Run => new Run(['log', 'copy', ...args, '--json'], {});

async function copied(...args: string[]): Promise<Copied> {
  const { code, out, err } = await copy(...args).ended();
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as Copied;
}

/** All rows of all read models, which hold no position. */
const rowsOf = (url: string): Promise<unknown[]> =>
  Promise.all(
    projections.map(({ name }) =>
      query<{ row: string }>(url, `select ${name}::text as row from ${name} order by 1`),
    ),
  );

async function eventsOf(service: RunningService, id: string): Promise<SessionEvent[]> {
  const path = `/api/sessions/${id}/events?limit=1000`;
  return (await service.get<{ events: SessionEvent[] }>(path)).events;
}

/** What is the same wherever an event lies. */
const faithful = (events: readonly SessionEvent[]): object[] =>
  events.map((event) => ({ ...event, position: '' }));

/**
 * A service that has had some load in one log goes on in another one, where `env` says, with what
 * `args` copy.
 */
async function moves(
  first: Record<string, string>,
  args: readonly string[],
  then: Record<string, string>,
): Promise<void> {
  const load = new Load(sessionIds);
  let service = await RunningService.start(first);
  load.start(service);
  await load.answers(200);
  const early = await copied(...args);
  expect(early.events).toBeGreaterThan(0);
  await load.stop();
  await service.caughtUp();
  const events = await Promise.all(sessionIds.map((id) => eventsOf(service, id)));
  const socket = service.connect();
  const list = (await socket.emitWithAck('console:open', {})) as ConsoleOpened;
  socket.disconnect();
  const rows = await rowsOf(first['DATABASE_URL'] ?? '');
  expect(await service.stop()).toBe(0);

  const late = await copied(...args);
  expect(late).toMatchObject({ events: early.events + late.copied, isBehind: false });
  expect(await copied(...args)).toMatchObject({ ...late, copied: 0 });

  service = await RunningService.start(then);
  await service.caughtUp();
  expect(await rowsOf(then['DATABASE_URL'] ?? '')).toEqual(rows);
  const viewer = service.connect();
  for (const [nth, id] of sessionIds.entries()) {
    const before = events[nth] ?? [];
    expect(faithful(await eventsOf(service, id))).toEqual(faithful(before));
    const { revision: after, id: afterId } = before[before.length >> 1]!;
    const opened = await viewer.emitWithAck('session:open', { sessionId: id, after, afterId });
    expect(opened).toMatchObject({ ok: true, revision: after });
  }
  const { position: after, epoch } = list;
  const resumed: object = await viewer.emitWithAck('console:open', { after, epoch });
  expect(resumed).toMatchObject({ ok: false, code: 'cursor-unknown' });
  viewer.disconnect();
  const again = load.acknowledged.length;
  load.start(service);
  await load.answers(50);
  await load.stop();
  expect(load.acknowledged.length).toBeGreaterThan(again);
  expect(await service.stop()).toBe(0);
}

it('a service goes on with its log in another Postgres', async () => {
  const [from, to] = [await freshDatabase(), await emptyDatabase()];
  const args = ['--from', from.url, '--to', to.url];
  await moves({ ...logInPostgres, DATABASE_URL: from.url }, args, {
    ...logInPostgres,
    DATABASE_URL: to.url,
  });
  await Promise.all([from.drop(), to.drop()]);
}, 120_000);

const { EVENTSTORE_URL = '' } = process.env;

(EVENTSTORE_URL ? it : it.skip).each(['to', 'from'] as const)(
  'a service moves %s EventStoreDB with the same database, to equal rows',
  async (way) => {
    const [home, away] = [await freshDatabase(), await freshDatabase()];
    const prefix = `${new URL(home.url).pathname.slice(1)}.`;
    const there = { EVENTSTORE_URL, EVENTSTORE_STREAM_PREFIX: prefix };
    const local = { ...logInPostgres, DATABASE_URL: home.url };
    if (way === 'to') {
      const args = ['--from', home.url, '--to', EVENTSTORE_URL, '--to-prefix', prefix];
      await moves(local, args, { ...there, DATABASE_URL: home.url });
    } else {
      const args = ['--from', EVENTSTORE_URL, '--from-prefix', prefix, '--to', home.url];
      await moves({ ...there, DATABASE_URL: away.url }, args, local);
    }
    await Promise.all([home.drop(), away.drop()]);
  },
  120_000,
);

it('attachments go along, and are readable by those who may read what refers to them', async () => {
  const [from, to] = [await freshDatabase(), await emptyDatabase()];
  const first = await RunningService.start({ ...logInPostgres, DATABASE_URL: from.url });
  const body = Buffer.alloc(600_000, 'attached ');
  const hash = createHash('sha256').update(body).digest('hex');
  const path = `/api/attachments/${hash}`;
  expect((await first.request(path, { method: 'PUT', type: 'a/b', body })).status).toBe(201);
  await first.post('/api/sessions', { sessionId: 'a' });
  const attachments = [{ hash, type: 'a/b', bytes: body.length }];
  await first.post('/api/sessions/a/commands/message.post', { content: 'x', attachments });
  const early = await copied('--from', from.url, '--to', to.url);
  expect(early).toMatchObject({ attachments: 1, copiedAttachments: 1 });
  expect(await first.stop()).toBe(0);
  const late = await copied('--from', from.url, '--to', to.url);
  expect(late).toMatchObject({ copied: 0, attachments: 1, copiedAttachments: 0 });
  const second = await RunningService.start({ ...logInPostgres, DATABASE_URL: to.url });
  const { text } = await second.request(path);
  expect(text).toBe(body.toString());
  await second.stop();
  await Promise.all([from.drop(), to.drop()]);
}, 120_000);

describe('a copy', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
  });

  afterEach(async () => {
    await Program.killAll();
    await rm(folder, { recursive: true });
  });

  it('is made of the folder of a service, once that is stopped, and goes on when killed', async () => {
    const dataDir = join(folder, 'data');
    const service = startIn(dataDir);
    const url = await service.url();
    const body = Array.from({ length: 4_000 }, (_, nth) => messageBody(`m${nth}`)).join('\n');
    const headers = {
      authorization: `Bearer ${folderKey}`,
      'content-type': 'application/x-ndjson',
    };
    const answer = await fetch(`${url}/api/ingest`, { method: 'POST', headers, body });
    expect([answer.status, (await answer.text()).split('\n')]).toHaveLength(2);
    const database = await emptyDatabase();
    const args = ['--from', dataDir, '--to', database.url];
    const inUse = await copy(...args).ended();
    expect(inUse.code).toBe(1);
    expect(inUse.err).toMatch(/^playhead: .*data.* in use/);
    expect(await service.stop()).toBe(0);

    const killed = new Program({}, [
      ...[process.execPath, 'dist/src/operate/main.js', 'log', 'copy', ...args],
    ]);
    while (!killed.stderr.includes('copying'))
      await new Promise((resolve) => setTimeout(resolve, 1));
    killed.signalGroup('SIGKILL');
    await killed.ended;
    const { events, copied: missing } = await copied(...args);
    expect(events).toBeGreaterThan(4_000);
    expect(missing).toBeGreaterThan(0);
    const rows = await query<{ count: string }>(database.url, 'select count(*) from events');
    expect(Number(rows[0]?.count)).toBe(events);
    await database.drop();
  }, 120_000);

  it.each([
    [['--from', 'nowhere', '--to', 'postgres://x'], /^playhead: nowhere is neither an esdb/],
    [['--from', 'esdb://127.0.0.1:1?tls=false', '--to', 'x'], /^playhead: .*ECONNREFUSED/],
    [['--from', 'postgres://127.0.0.1:1/x', '--to', 'x'], /^playhead: .*ECONNREFUSED/],
  ])('says in a line why it cannot be made: %j', async (args, why) => {
    const { code, out, err } = await new Run(['log', 'copy', ...args], {}).ended();
    expect([code, out]).toEqual([1, '']);
    expect(err.trim().split('\n').at(-1)).toMatch(why);
  });
});
