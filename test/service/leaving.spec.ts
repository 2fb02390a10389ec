import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CommandDone, Leaving, Refused, SessionEvent } from '@playhead/contract';
import { connect } from '@playhead/client';
import { limits } from '../../src/config.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/postgres-process.ts';
import { adminKey, RunningService, type ViewerSocket } from '../support/service.ts';

const VIEWERS = 60;
const COMMANDS = 400;
const sessionId = 'they leave';

let database: TestDatabase;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(async () => {
  await database.drop();
});

const start = (port = '0'): Promise<RunningService> =>
  RunningService.start({ DATABASE_URL: database.url, PORT: port });

const post = (socket: ViewerSocket, nth: number): Promise<CommandDone | Refused> =>
  socket.emitWithAck('command', {
    id: `command ${nth}`,
    sessionId,
    type: 'message.post',
    data: { messageId: `m${nth}`, content: `${nth}` },
  });

async function postedIn(service: RunningService): Promise<string[]> {
  const posted: string[] = [];
  for (let after = -1; ;) {
    const path = `/api/sessions/${encodeURIComponent(sessionId)}/events?limit=1000&after=${after}`;
    const { events } = await service.get<{ events: SessionEvent[] }>(path);
    if (events.length === 0) return posted;
    after = events.at(-1)?.revision ?? after;
    for (const { type, data } of events) {
      if (type === 'message.posted') posted.push((data as { messageId: string }).messageId);
    }
  }
}

it('a node that stops answers what runs, and sends everybody away for different times', async () => {
  const service = await start();
  const writer = service.connect();
  await once(writer as never, 'connect');
  await writer.emitWithAck('command', { id: 's', sessionId, type: 'session.start', data: {} });
  const client = connect({ url: service.url, token: adminKey });
  const session = client.openSession(sessionId, { after: -1 });
  const got: Leaving[] = [];
  const viewers = Array.from({ length: VIEWERS }, () => service.connect());
  for (const viewer of viewers) {
    viewer.on('leaving', (leaving) => got.push(leaving));
    await viewer.emitWithAck('session:open', { sessionId });
  }
  await until(() => session.status === 'live');

  const answered: string[] = [];
  const refused: string[] = [];
  for (let nth = 0; nth < COMMANDS; nth += 1) {
    post(writer, nth).then(
      (answer) => (answer.ok ? answered.push(`m${nth}`) : refused.push(answer.code)),
      // Not even read before the socket was closed.
      () => undefined,
    );
  }
  while (answered.length === 0) await nextTurn();
  const since = Date.now();
  const stopping = service.stop();
  await until(() => got.length === VIEWERS);
  const late = service.connect();
  const [lateRefusal] = (await once(late as never, 'connect_error')) as [Error];
  expect(lateRefusal).toBeInstanceOf(Error);
  expect(await stopping).toBe(0);
  expect(Date.now() - since).toBeLessThan(limits.shutdownGraceMs / 2);
  expect(service.output).not.toMatch(/error/i);
  // Each is sent away for another time, within a bound that grows with their number.
  const times = got.map(({ afterMs }) => afterMs);
  expect(Math.max(...times)).toBeLessThanOrEqual((VIEWERS + 2) * limits.reconnectMsEach);
  expect(new Set(times).size).toBeGreaterThan(VIEWERS / 4);
  expect(refused.filter((code) => code !== 'shutting-down')).toEqual([]);

  const again = await start(new URL(service.url).port);
  const posted = await postedIn(again);
  expect(posted.sort()).toEqual(answered.sort());
  // The client comes back by itself and has what happened.
  await client.command('message.post', { messageId: 'after', content: 'all' }, sessionId);
  const events: string[] = [];
  for await (const { type, data } of session.events) {
    if (type === 'message.posted') events.push((data as { messageId: string }).messageId);
    if (events.at(-1) === 'after') break;
  }
  expect(events.sort()).toEqual([...posted, 'after'].sort());
  client.close();
  for (const socket of [...viewers, writer, late]) socket.close();
  await again.stop();
}, 120_000);
