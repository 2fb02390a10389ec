import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { ingestKey, RunningService, type Answer } from '../support/service.ts';

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

const encoders = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
};

const start = (body: Buffer | string, headers: Record<string, string>): Promise<Answer> =>
  service.request('/api/sessions', { type: 'application/json', body, headers });

const startOf = (sessionId: string): string => JSON.stringify({ sessionId, name: 'Grüße 🚀' });

const ingestLine = (message_id: string): string =>
  JSON.stringify({
    type: 'message.created',
    timestamp: '2026-01-01T12:00:00Z',
    data: { conversation_id: 'packed', message_id, agent_type: 'claude', content: 'Hello' },
  });

it.each(Object.entries(encoders))(
  'a body in %s is taken as it was before',
  async (name, encode) => {
    const sessionId = `by ${name}`;
    const answer = await start(encode(startOf(sessionId)), {
      'content-encoding': name.toUpperCase(),
    });
    expect(answer.status).toBe(201);
    const { body } = await service.request(
      `/api/sessions/${encodeURIComponent(sessionId)}?minRevision=0`,
    );
    expect(body).toMatchObject({ name: 'Grüße 🚀' });
  },
);

it('a packed file of events is taken line by line, and recognised when it comes again unpacked', async () => {
  const file = ['m1', 'm2'].map(ingestLine).join('\n');
  const send = (body: Buffer | string, headers: Record<string, string>) =>
    service.request('/api/ingest', {
      key: ingestKey,
      type: 'application/x-ndjson',
      body,
      headers,
    });
  expect((await send(gzipSync(file), { 'content-encoding': 'gzip' })).text).toMatch(
    /"line":1,"status":201.*\n.*"line":2,"status":201/,
  );
  // From the log: the read model may be behind.
  const events = async (): Promise<unknown> =>
    (await service.request('/api/sessions/packed/events')).body;
  const before = await events();
  expect((before as { events: unknown[] }).events.length).toBeGreaterThanOrEqual(3);
  expect((await send(file, {})).status).toBe(200);
  expect(await events()).toEqual(before);
});

it.each(['zstd', 'compress', 'gzip, br', 'gzip;q=1', 'x'])(
  'the coding %s is refused with those that are supported',
  async (coding) => {
    const answer = await start(startOf('never'), { 'content-encoding': coding });
    expect(answer.status).toBe(415);
    expect(answer.headers.get('accept-encoding')).toBe('gzip, deflate, br');
    expect(answer.body).toMatchObject({
      code: 'unsupported-media-type',
      field: 'content-encoding',
      retry: false,
    });
  },
);

it.each(['gzip', 'deflate', 'br'])(
  'a body that is not %s is refused with the header',
  async (name) => {
    const whole = encoders[name as 'gzip'](startOf('never'));
    for (const body of [startOf('never'), whole.subarray(0, whole.length - 9)]) {
      const answer = await start(body, { 'content-encoding': name });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ code: 'invalid', field: 'content-encoding' });
    }
  },
);

it.each(['iso-8859-1', 'utf-16', '"latin1"'])('the charset %s is refused', async (charset) => {
  const answer = await service.request('/api/sessions', {
    type: `application/json; charset=${charset}`,
    body: startOf('never'),
  });
  expect(answer.status).toBe(415);
  expect(answer.body).toMatchObject({ code: 'unsupported-media-type', field: 'content-type' });
});

it.each(['utf-8', 'UTF-8', '"utf-8"', 'us-ascii'])('the charset %s is taken', async (charset) => {
  const answer = await service.request('/api/sessions', {
    type: `application/json; charset=${charset}`,
    body: startOf(`in the charset ${charset.replaceAll('"', 'quotes ')}`),
  });
  expect(answer.status).toBe(201);
});

it('a bomb is cut off at the limit, on every way in, and leaves no trace in memory', async () => {
  // A file of events may have 32 MiB, other bodies one.
  const bomb = gzipSync(Buffer.alloc(1024 * 1024 * 1024, ' '), { level: 1 });
  const memory = async (): Promise<number> =>
    Number(
      /process_resident_memory_bytes (\d+)/.exec((await service.request('/metrics')).text)?.[1],
    );
  const before = await memory();
  for (const [path, type] of [
    ['/api/sessions', 'application/json'],
    ['/api/sessions/x/commands/message.post', 'application/json'],
    ['/api/search', 'application/json'],
    ['/api/ingest', 'application/json'],
    ['/api/ingest', 'application/x-ndjson'],
  ] as const) {
    const headers = { 'content-encoding': 'gzip' };
    const answer = await service
      .request(path, { type, body: bomb, headers })
      .catch(() => undefined);
    // What is still on its way when the answer is there may be reset.
    if (answer) expect([path, type, answer.status]).toEqual([path, type, 413]);
    expect((await memory()) - before).toBeLessThan(256 * 1024 * 1024);
  }
  expect((await start(startOf('after the bombs'), {})).status).toBe(201);
  expect((await service.request('/api/sessions/never/events')).status).toBe(404);
}, 120_000);

it.each([
  'application/octet-stream',
  'application/x-playhead-stream',
  'multipart/form-data; boundary=x',
])('a body of the type %s is refused where no file is taken', async (type) => {
  const body = '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n{}\r\n--x--\r\n';
  const answer = await service.request('/api/sessions', { type, body });
  expect([answer.status, answer.body]).toMatchObject([415, { code: 'unsupported-media-type' }]);
});
