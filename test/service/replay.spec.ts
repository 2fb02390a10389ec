import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sessionStream, type SessionEvent } from '@playhead/contract';
import { limits } from '../../src/config.ts';
import { openPostgresLog } from '../../src/log/postgres/index.ts';
import { Run } from '../support/cli.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { EventReader, type ReaderOptions } from '../support/event-reader.ts';
import { until } from '../support/postgres-process.ts';
import { adminKey, logInPostgres, RunningService } from '../support/service.ts';

/* Sessions at the pace at which they happened; nothing here says how fast a machine must be. */

const HOUR_MS = 3_600_000;

let database: TestDatabase;
let service: RunningService;
const readers: EventReader[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url, ...logInPostgres });
});

const openStreams = async (): Promise<number> => {
  const { text } = await service.request('/metrics');
  return Number(/^playhead_streams (\d+)/m.exec(text)?.[1]);
};

afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await until(async () => (await openStreams()) === 0);
});

afterAll(async () => {
  await service.stop();
  await database.drop();
});

/** A session whose messages were said at these times; answers its events. */
async function saidAt(
  times: readonly number[],
  sessionId: string = randomUUID(),
): Promise<[string, SessionEvent[]]> {
  const log = await openPostgresLog({ ...limits, connectionString: database.url });
  const expected = (await log.last(sessionStream(sessionId)))?.revision ?? -1;
  const events = times.map((ms, nth) => ({
    ...{ id: randomUUID(), type: 'message.posted', v: 1 },
    data: { messageId: `m${nth}`, role: 'assistant', source: 'agent', content: `${nth}` },
    meta: {
      ...{ at: '2026-01-01T00:00:00.000Z', actor: 'key:t', commandId: randomUUID() },
      occurredAt: new Date(Date.UTC(2025, 0, 1) + ms).toISOString(),
    },
  }));
  await log.append({ stream: sessionStream(sessionId), expected, events });
  await log.close();
  return [sessionId, await eventsOf(sessionId)];
}

const eventsOf = async (sessionId: string): Promise<SessionEvent[]> => {
  const path = `/api/sessions/${sessionId}/events?limit=1000`;
  return (await service.get<{ events: SessionEvent[] }>(path)).events;
};

async function open(sessionId: string, query: string, options: ReaderOptions = {}) {
  const url = `${service.url}/api/sessions/${sessionId}/replay?${query}`;
  const reader = await EventReader.open(url, { key: adminKey, ...options });
  readers.push(reader);
  return reader;
}

/** How long it takes until a replay is over. */
async function lasting(sessionId: string, query: string): Promise<number> {
  const begin = performance.now();
  const reader = await open(sessionId, query);
  await reader.over();
  expect(reader.named('end')).toHaveLength(1);
  return performance.now() - begin;
}

describe('a replay as a stream', () => {
  it('has every event in order, with the cursor behind it, and ends', async () => {
    const [sessionId, events] = await saidAt(Array.from({ length: 700 }, (_, nth) => 7 * nth));
    const reader = await open(sessionId, 'speed=100000x');
    await reader.over();
    expect(reader.messages()).toEqual(events);
    const ids = reader.blocks.filter(({ event }) => event === 'message').map(({ id }) => id);
    expect(ids).toEqual(events.map(({ revision, id }) => `${revision}.${id}`));
    expect(reader.blocks[0]).toMatchObject({
      ...{ event: 'replay', data: { sessionId, from: 0, to: 699, speed: 100_000 } },
    });
    expect(reader.named('end')).toEqual([{ revision: 699 }]);
  });

  it.each([
    ['from=2&to=4', [2, 3, 4]],
    ['from=5', [5, 6]],
    ['to=0', [0]],
    ['from=3&to=3', [3]],
  ])('of %s has these alone', async (query, expected) => {
    const [sessionId] = await saidAt([0, 1, 2, 3, 4, 5, 6]);
    const reader = await open(sessionId, query);
    await reader.over();
    expect(reader.messages().map(({ revision }) => revision)).toEqual(expected);
  });

  it('waits as long as it took, divided by the speed', async () => {
    const [sessionId] = await saidAt([0, 100_000, 400_000]);
    const quick = await lasting(sessionId, 'speed=1000');
    const slow = await lasting(sessionId, 'speed=250x');
    // No timer is early; how late one is depends on the machine.
    expect(quick).toBeGreaterThan(395);
    expect(slow).toBeGreaterThan(1_595);
    const reader = await open(sessionId, 'speed=100');
    await reader.until(() => reader.messages().length === 2);
    expect(reader.named('end')).toEqual([]);
  });

  it('shortens pauses that are longer than asked for', async () => {
    const [sessionId, events] = await saidAt([0, HOUR_MS, 2 * HOUR_MS, 400 * HOUR_MS]);
    const begin = performance.now();
    const reader = await open(sessionId, 'maxPause=100');
    await reader.over();
    expect(reader.messages()).toEqual(events);
    expect(performance.now() - begin).toBeGreaterThan(295);
    await lasting(sessionId, 'maxPause=0&speed=0.01');
  });

  it('ends its work when the client goes away, or its key', async () => {
    const [sessionId] = await saidAt([0, HOUR_MS]);
    const going = await Promise.all([1, 2, 3].map(() => open(sessionId, '')));
    await Promise.all(going.map((reader) => reader.until(() => reader.messages().length === 1)));
    expect(await openStreams()).toBe(3);
    for (const reader of going) reader.close();
    await until(async () => (await openStreams()) === 0);
    const body = JSON.stringify({ name: 'reader', scopes: ['read'] });
    const made = await service.request('/api/keys', { type: 'application/json', body });
    const { id, key } = made.body as { id: string; key: string };
    const reader = await open(sessionId, '', { key });
    await service.request(`/api/keys/${id}/revoke`, { type: 'application/json', body: '{}' });
    await reader.over();
    expect(reader.named('closed')).toMatchObject([{ code: 'unauthenticated', revision: 0 }]);
  });

  it('goes on where it was cut, and is not begun again once it is over', async () => {
    const [sessionId, events] = await saidAt([0, 0, 0, 0, HOUR_MS]);
    const cut = await open(sessionId, '');
    await cut.until(() => cut.messages().length === 4);
    cut.close();
    const lastEventId = `1.${events[1]?.id}`;
    const back = await open(sessionId, 'maxPause=0', { lastEventId });
    await back.over();
    expect(back.messages()).toEqual(events.slice(2));
    const over = { 'last-event-id': `4.${events[4]?.id}` };
    const path = `/api/sessions/${sessionId}/replay`;
    expect((await service.request(path, { headers: over })).status).toBe(204);
    for (const [id, status] of [
      [`1.${events[2]?.id}`, 410],
      [`9.${events[2]?.id}`, 410],
      ['what', 400],
    ] as const) {
      const answer = await service.request(path, { headers: { 'last-event-id': id } });
      expect([id, answer.status]).toEqual([id, status]);
    }
  });

  it('has nothing that was appended after it began', async () => {
    const [sessionId, events] = await saidAt([0, 300_000, 600_000]);
    const reader = await open(sessionId, 'speed=1000');
    await reader.until(() => reader.messages().length === 1);
    await saidAt([700_000], sessionId);
    await reader.over();
    expect(reader.messages()).toEqual(events);
  });

  it('refuses by name what it does not understand', async () => {
    const [sessionId] = await saidAt([0, 1]);
    for (const [query, field] of [
      ...['0', '-1', '1e3', 'fast', '', '1000001'].map((speed) => [`speed=${speed}`, 'speed']),
      ...['-1', '1.5', 'x', '', '99999999999'].map((from) => [`from=${from}`, 'from']),
      ...[
        ['from=2', 'from'],
        ['to=2', 'to'],
        ['from=1&to=0', 'to'],
        ['to=2147483647', 'to'],
      ],
      ...['-1', 'x', '1.5', '999999999999'].map((pause) => [`maxPause=${pause}`, 'maxPause']),
      ['pace=1', 'pace'],
    ]) {
      const answer = await service.request(`/api/sessions/${sessionId}/replay?${query}`);
      const { code, field: named } = answer.body as { code: string; field: string };
      expect([query, answer.status, code, named]).toEqual([query, 400, 'invalid', field]);
    }
    const unknown = await service.request('/api/sessions/nobody/replay');
    expect([unknown.status, unknown.body]).toMatchObject([404, { code: 'not-found' }]);
    expect((await service.request('/api/sessions/x/replay', { key: null })).status).toBe(401);
  });
});

describe('playhead replay', () => {
  const run = (args: readonly string[], input = ''): Run =>
    new Run(
      ['replay', ...args],
      { PLAYHEAD_URL: service.url, PLAYHEAD_ADMIN_KEY: adminKey },
      input,
    );

  it('prints the lines of tail, in order, all or some of them', async () => {
    const [sessionId, events] = await saidAt(Array.from({ length: 600 }, (_, nth) => nth * 10_000));
    const env = { PLAYHEAD_URL: service.url, PLAYHEAD_ADMIN_KEY: adminKey };
    const tail = await new Run(['tail', sessionId], env).ended();
    expect(await run([sessionId, '--max-pause', '0']).ended()).toEqual(tail);
    const some = [sessionId, '--from', '3', '--to', '5', '--speed', '1000x', '--json'];
    const { out, code } = await run(some).ended();
    const lines = out.split('\n').slice(0, -1);
    expect([code, lines.map((line) => JSON.parse(line) as unknown)]).toEqual([
      0,
      events.slice(3, 6),
    ]);
  });

  it('keeps the pace, and ends at once on Ctrl-C', async () => {
    const [sessionId] = await saidAt([0, 100, HOUR_MS, 2 * HOUR_MS]);
    const replay = run([sessionId]);
    await replay.printed(2);
    await sleep(200);
    expect(replay.lines).toHaveLength(2);
    replay.interrupt();
    expect(await replay.ended()).toMatchObject({ code: 0, err: '' });
  });

  it('goes step by step on Enter, and ends with its input', async () => {
    const [sessionId] = await saidAt([0, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS]);
    const { code, out } = await run([sessionId, '--step'], '\n\n\n').ended();
    expect([code, out.match(/\n/g)]).toEqual([0, ['\n', '\n', '\n']]);
  });

  it('says what is wrong with its options, and of a session that there is not', async () => {
    for (const options of [
      ...[
        ['--speed', 'fast'],
        ['--speed', '0'],
        ['--from', '-1'],
        ['--to', 'x'],
      ],
      ...[
        ['--from', '2', '--to', '1'],
        ['--max-pause', '-1'],
        ['--pace', '1'],
      ],
    ]) {
      const { code, out } = await run(['any', ...options]).ended();
      expect([options, code, out]).toEqual([options, 2, '']);
    }
    expect(await run(['nobody']).ended()).toMatchObject({ code: 1, out: '' });
  });
});
