import type { Refused, SessionFrame, SessionOpened } from '@playhead/contract';
import { migrations } from '../../migrations/index.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';
import { query, until } from '../support/postgres-process.ts';
import { Program, statusOf } from '../support/program.ts';
import { RunningService } from '../support/service.ts';
import { cliEvents } from '../support/cli-events.ts';

const sessionId = 'on both';

let database: TestDatabase;
let running: RunningService[] = [];

beforeEach(async () => {
  database = await emptyDatabase();
});

afterEach(async () => {
  await Program.killAll();
  await Promise.all(running.splice(0).map((service) => service.kill()));
  await database.drop();
});

describe('two services started at once on one empty database', () => {
  it('migrate once, and what one takes the other delivers and answers', async () => {
    const start = (): Promise<RunningService> =>
      RunningService.start({ DATABASE_URL: database.url });
    const services = await Promise.all([start(), start()]);
    running = [...services];
    const [one, other] = services;
    const ran = await query<{ name: string }>(
      database.url,
      'select name from migrations order by id',
    );
    expect(ran.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name));

    const [started, message, completed] = cliEvents(sessionId).map((event) =>
      JSON.stringify(event),
    );
    expect((await one.ingest(started ?? '')).status).toBe(201);
    const socket = other.connect();
    const frames: SessionFrame[] = [];
    socket.on('session:events', (frame) => frames.push(frame));
    const open = (): Promise<SessionOpened | Refused> =>
      socket.emitWithAck('session:open', { sessionId, after: -1 });
    await until(async () => (await open()).ok);
    expect((await one.ingest(message ?? '')).status).toBe(201);
    expect((await other.ingest(completed ?? '')).status).toBe(200);
    await until(() => frames.at(-1)?.events.at(-1)?.type === 'session.ended');
    const seen = frames.flatMap(({ events }) => events);
    expect(seen.map(({ revision }) => revision)).toEqual(seen.map((_, at) => at));
    socket.close();

    await Promise.all(services.map((service) => service.caughtUp()));
    const path = `/api/sessions/${encodeURIComponent(sessionId)}`;
    expect(seen).toEqual((await one.get<{ events: unknown }>(`${path}/events`)).events);
    for (const part of ['/api/sessions', path, `${path}/messages`, `${path}/participants`]) {
      const [answer, same] = await Promise.all(services.map((service) => service.get(part)));
      expect(same).toEqual(answer);
      expect(JSON.stringify(answer)).toContain(part.endsWith('messages') ? 'Second' : 'Architect');
    }
    for (const service of services) {
      expect(await service.stop()).toBe(0);
      expect(service.output).toBe(`Playhead listens on ${service.url}\n`);
    }
  });

  it('show keys that open both', async () => {
    const env = { DATABASE_URL: database.url, PORT: '0', PLAYHEAD_LOG_LEVEL: 'warn' };
    const services = [new Program(env), new Program(env)];
    const urls = await Promise.all(services.map((service) => service.url()));
    const keys = services.flatMap(({ stdout }) => {
      const [, key] = /only this once: (\S+)/.exec(stdout) ?? [];
      return key === undefined ? [] : [key];
    });
    expect(keys.length).toBeGreaterThan(0);
    for (const url of urls) {
      for (const key of keys) expect(await statusOf(`${url}/api/keys`, key)).toBe(200);
    }
    for (const service of services) expect(await service.stop()).toBe(0);
  });
});
