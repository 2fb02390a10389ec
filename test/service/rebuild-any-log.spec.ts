import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { RunningService } from '../support/service.ts';

const SESSIONS = 60;
const NAMES = [
  ...['sessions', 'session_order', 'messages', 'participants'],
  ...['tools', 'timeline', 'search_entries', 'attachment_refs', 'session_metrics'],
];

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
});

afterAll(async () => {
  await service.stop();
  await database.drop();
});

/** With `EVENTSTORE_URL` the log is on that server: its events are staged in a table first. */
it('all read models are rebuilt from whatever log there is, swapped, kept up and rolled back', async () => {
  const post = (id: string, command: string, data: object) =>
    service.post(`/api/sessions/${id}/commands/${command}`, data);
  const write = async (id: string): Promise<void> => {
    await service.post('/api/sessions', { sessionId: id, name: `Name of ${id}` });
    await post(id, 'participant.join', { participantId: 'p', kind: 'agent', name: 'Agent' });
    await post(id, 'tool.call', { callId: 'c', tool: 'bash', input: { command: 'ls' } });
    await post(id, 'tool.output', { callId: 'c', text: `files of ${id}`, attachments });
    await post(id, 'tool.finish', { callId: 'c', exitCode: 0 });
    for (const content of ['first', 'second']) {
      await post(id, 'message.post', { role: 'assistant', participantId: 'p', content });
    }
  };

  const body = 'attached';
  const hash = createHash('sha256').update(body).digest('hex');
  const attachments = [{ hash, type: 'text/plain', bytes: body.length }];
  const put = { method: 'PUT', type: 'text/plain', body };
  expect((await service.request(`/api/attachments/${hash}`, put)).status).toBe(201);
  await Promise.all(Array.from({ length: SESSIONS }, (_, nth) => write(`s${nth}`)));
  await service.caughtUp();
  await service.post('/api/projections/rebuild', { names: NAMES });
  await write('meanwhile');
  for (let isReady = false; !isReady; await sleep(50)) {
    const found = await service.readModels();
    const phases = found.map(({ rebuild }) => rebuild?.phase);
    const ended = found.filter(({ rebuild }) => /failed|refused/.test(rebuild?.phase ?? ''));
    expect(ended).toEqual([]);
    isReady = phases.every((phase) => phase === 'ready');
  }
  for (const { name, rebuild } of await service.readModels()) {
    expect([name, rebuild?.compared?.differing]).toEqual([name, {}]);
    expect(rebuild?.compared?.rows.new).toBeGreaterThanOrEqual(SESSIONS);
  }
  for (const verb of ['swap', 'rollback']) {
    for (const name of NAMES) await service.post(`/api/projections/${name}/${verb}`, {});
    await write(`after the ${verb}`.replaceAll(' ', '-'));
    for (const name of NAMES) {
      const compared = await service.post(`/api/projections/${name}/verify`, {});
      expect([name, compared]).toMatchObject([name, { differing: {} }]);
    }
  }
  await service.caughtUp();
  const { pagination } = await service.get<{ pagination: { total: number } }>('/api/sessions');
  expect(pagination.total).toBe(SESSIONS + 3);
}, 180_000);
