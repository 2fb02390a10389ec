import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionEvent } from '@playhead/contract';
import { Run } from '../support/cli.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/postgres-process.ts';
import { adminKey, ingestKey, RunningService } from '../support/service.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const SESSIONS = ['s0', 's1', 's2'];

let databases: [TestDatabase, TestDatabase];
let service: RunningService;
let cable: TcpProxy;

const start = (nth: 0 | 1, port = '0'): Promise<RunningService> =>
  RunningService.start({ DATABASE_URL: databases[nth].url, PORT: port });

const post = (sessionId: string, type: string, data: object = {}) =>
  service.request(`/api/sessions/${sessionId}/commands/${type}`, {
    type: 'application/json',
    body: JSON.stringify(data),
  });

beforeAll(async () => {
  databases = [await freshDatabase(), await freshDatabase()];
  service = await start(0);
  cable = await startTcpProxy(service.url);
  for (const sessionId of SESSIONS) await post(sessionId, 'session.start', { name: sessionId });
}, 240_000);

const runs: Run[] = [];

afterAll(async () => {
  for (const one of runs) one.interrupt();
  await cable.close();
  await service.stop();
  for (const database of databases) await database.drop();
});

const run = (...args: string[]): Run => {
  const env = { PLAYHEAD_URL: cable.url, PLAYHEAD_ADMIN_KEY: adminKey };
  const one = new Run(['tail', ...args], env);
  runs.push(one);
  return one;
};

/** One that follows already: something was said until it was received. */
const following = async (...args: string[]): Promise<Run> => {
  const tail = run(...args);
  await until(async () => {
    await post('s0', 'message.post', { content: 'do you get this?' });
    await sleep(50);
    return tail.lines.length > 0;
  });
  return tail;
};

const printedBy = (tail: Run): SessionEvent[] =>
  tail.lines.map((line) => JSON.parse(line) as SessionEvent);

/** Events of all sessions from a position on, in the order of the log. */
const eventsFrom = async (position: string): Promise<SessionEvent[]> => {
  const logs = await Promise.all(
    SESSIONS.map(async (sessionId) => {
      const path = `/api/sessions/${sessionId}/events?limit=1000`;
      return (await service.get<{ events: SessionEvent[] }>(path)).events;
    }),
  );
  return logs
    .flat()
    .filter((event) => event.position >= position)
    .sort((a, b) => (a.position < b.position ? -1 : 1));
};

describe('playhead tail --all', () => {
  it('prints what happens in all sessions, each event on a line with its session', async () => {
    const tail = await following('--all');
    await post('s1', 'session.rename', { name: 'Tea\u001b[31m' });
    await post('s2', 'message.post', { content: 'Green', agentName: 'Ada' });
    await until(() => tail.lines.at(-1)?.includes('Green') === true);
    tail.interrupt();
    expect(await tail.ended()).toMatchObject({ code: 0, err: '' });
    expect(tail.lines.at(-2)).toMatch(/^\d{4}-.*Z {2}s1 +1 {2}session\.renamed .*Tea�\[31m$/);
    expect(tail.lines.at(-1)).toMatch(/^\d{4}-.*Z {2}s2 +1 {2}message\.posted .*Ada {2}Green$/);
  });

  it('goes on through cuts, crashes and updates of the service, without a hole or a double', async () => {
    const tail = await following('--all', '--json');
    for (const end of ['kill', 'stop'] as const) {
      // While it is printed, and while nobody can be notified.
      const writing = (async () => {
        for (let nth = 0; nth < 150; nth += 1) {
          const sessionId = SESSIONS[nth % SESSIONS.length] ?? '';
          await post(sessionId, 'message.post', { content: `${end} ${nth}` }).catch(
            () => undefined,
          );
          if (nth % 40 === 20) cable.cut();
        }
      })();
      await tail.printed(tail.lines.length + 50);
      const { port } = new URL(service.url);
      await service[end]();
      service = await start(0, port);
      await writing;
      await post('s1', 'message.post', { content: 'back' });
    }
    const events = await eventsFrom(printedBy(tail)[0]?.position ?? '');
    expect(events.length).toBeGreaterThan(100);
    await tail.printed(events.length);
    await post('s2', 'message.post', { content: 'and nothing twice' });
    await tail.printed(events.length + 1);
    tail.interrupt();
    expect(await tail.ended()).toMatchObject({ code: 0, err: '' });
    expect(printedBy(tail).slice(0, -1)).toEqual(events);
    expect(printedBy(tail).at(-1)?.data).toMatchObject({ content: 'and nothing twice' });
  }, 120_000);

  it('ends with 1 and says why when another log answers, rather than leave a hole', async () => {
    const tails = [await following('--all'), await following('--all', '--json')];
    const { port } = new URL(service.url);
    await service.stop();
    service = await start(1, port);
    const [forPeople, asJson] = await Promise.all(tails.map((tail) => tail.ended()));
    expect(forPeople).toMatchObject({
      code: 1,
      err: 'playhead: cannot resume where the connection was lost: The log has no such cursor\n',
    });
    expect(asJson?.code).toBe(1);
    expect(JSON.parse(asJson?.err ?? '')).toMatchObject({ code: 'cursor-unknown', retry: false });
  }, 120_000);

  it('ends with 1 when the key may not read', async () => {
    expect(await run('--all', '--key', ingestKey).ended()).toMatchObject({ code: 1, out: '' });
    expect(await run('--all', '--key', 'wrong').ended()).toMatchObject({ code: 1, out: '' });
  });

  it.each([
    ['name either one session or --all', []],
    ['name either one session or --all', ['s0', '--all']],
    ['--after', ['--all', '--after', '3']],
  ])('ends with 2 and names what is wrong: %s %j', async (named, args) => {
    const { code, out, err } = await run(...args).ended();
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(named)]);
  });

  it('is in the help, with an example', async () => {
    const { code, out } = await run('--help').ended();
    expect([code, out]).toEqual([0, expect.stringContaining('$ playhead tail --all ')]);
  });
});
