import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { limits, readConfig } from '../../src/config.ts';
import { startService, type Service } from '../../src/startup/service.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { EventReader } from '../support/event-reader.ts';

/* Small limits in a service of their own; those of the defaults no test would reach. */

const key = 'ph_admin_key_of_this_test';
const PLAYHEAD_SOCKETS_PER_KEY = '3';

let database: TestDatabase;
let service: Service;
beforeAll(async () => {
  database = await freshDatabase();
  const env = { PORT: '0', DATABASE_URL: database.url, PLAYHEAD_ADMIN_KEY: key };
  const config = readConfig({ ...env, PLAYHEAD_SOCKETS_PER_KEY });
  const own = { ...limits, streamHeartbeatMs: 50, consoleIdleEventsMax: 5 };
  service = await startService(
    { ...config, limits: own },
    pino({ level: 'silent' }),
    () => undefined,
  );
}, 90_000);
afterAll(async () => {
  await service.stop();
  await database.drop();
});

const post = async (path: string, body: object): Promise<void> => {
  const { status } = await fetch(service.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(status).toBeLessThan(300);
};
const open = (path: string): Promise<EventReader> => EventReader.open(service.url + path, { key });

it('a stream on which nothing happens is sent a comment every now and then', async () => {
  await post('/api/sessions', { sessionId: 'silent' });
  const reader = await open('/api/sessions/silent/stream');
  const begin = Date.now();
  await reader.until(() => reader.comments > 5);
  expect(Date.now() - begin).toBeGreaterThan(200);
  expect(reader.raw).toContain(':heartbeat\n\n');
  reader.close();
});

it('a key may have so many streams open, and again when one of them has gone', async () => {
  await post('/api/sessions', { sessionId: 'wanted' });
  const path = '/api/sessions/wanted/stream';
  const three = await Promise.all([open(path), open('/api/realtime/stream'), open(path)]);
  const headers = { authorization: `Bearer ${key}` };
  const refused = await fetch(service.url + path, { headers });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect(await refused.json()).toMatchObject({ code: 'too-many-sockets', retry: true });
  // What is refused does not count.
  await fetch(`${service.url}/api/sessions/nobody/stream`, { headers });
  three[1]?.close();
  await sleep(100);
  const again = await open(path);
  await again.until(() => again.named('caught-up').length === 1);
  for (const one of [...three, again]) one.close();
});

it('what a filter keeps back moves the cursor on all the same, and shows nothing', async () => {
  await post('/api/sessions', { sessionId: 'elsewhere' });
  const paths = ['/api/stream?label=a:b', '/api/realtime/stream?conversationId=nobody'];
  // The list may not have come that far.
  const open1 = (path: string): Promise<EventReader> =>
    open(path).catch(() => sleep(50).then(() => open1(path)));
  for (const reader of await Promise.all(paths.map(open1))) {
    await reader.until(() => reader.lastEventId !== '');
    const shown = reader.blocks.length;
    const before = reader.lastEventId;
    for (let nth = 0; nth < 20; nth += 1) {
      await post('/api/sessions/elsewhere/commands/message.post', { content: `${nth}` });
    }
    await reader.until(() => reader.lastEventId > before);
    expect(reader.blocks.slice(shown).filter(({ event }) => event === 'message')).toEqual([]);
    reader.close();
  }
});
