import { setTimeout as sleep } from 'node:timers/promises';
import { startCuttingProxy, type CuttingProxy } from '../support/cutting-proxy.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { logInPostgres, RunningService } from '../support/service.ts';

let database: TestDatabase;
let proxy: CuttingProxy;
let service: RunningService;

beforeAll(async () => {
  database = await freshDatabase();
  proxy = await startCuttingProxy(database.url);
  service = await RunningService.start({
    ...logInPostgres,
    DATABASE_URL: proxy.url,
    PLAYHEAD_LOG_LEVEL: 'silent',
  });
});

afterAll(async () => {
  await service.kill();
  await database.drop();
});

const start = { type: 'application/json', body: '{"name":"n"}' };

it('without its database the service answers that it is unavailable, and goes on living', async () => {
  const { body } = await service.request('/api/sessions', start);
  const { sessionId } = body as { sessionId: string };
  const socket = service.connect();
  expect(await socket.emitWithAck('session:open', { sessionId })).toMatchObject({ ok: true });
  await proxy.close();

  const gone = { code: 'unavailable', retry: true };
  for (const path of ['', `/${sessionId}`, `/${sessionId}/messages`, `/${sessionId}/events`]) {
    const answer = await service.request(`/api/sessions${path}`);
    expect([path, answer.status, answer.body]).toMatchObject([path, 503, gone]);
  }
  const search = { type: 'application/json', body: '{"query":"word"}' };
  expect((await service.request('/api/search', search)).body).toMatchObject(gone);
  expect((await service.request('/api/sessions', start)).body).toMatchObject(gone);
  expect((await service.request('/api/keys')).body).toMatchObject(gone);
  // Long enough for a key that was looked up before to be looked up again.
  await sleep(1_000);
  expect((await service.request('/api/sessions', { key: 'ph_unknown' })).body).toMatchObject(gone);
  expect(await socket.emitWithAck('console:open', {})).toMatchObject({ ok: false, ...gone });
  expect((await service.request('/health/live', { key: null })).status).toBe(200);
  expect((await service.request('/health/ready', { key: null })).status).toBe(503);
  expect(service.process.exitCode).toBeNull();
  socket.disconnect();
}, 90_000);
