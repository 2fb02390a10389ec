import { pino } from 'pino';
import { io, type Socket } from 'socket.io-client';
import { limits, readConfig, type Limits } from '../../src/config.ts';
import { startService, type Service } from '../../src/startup/service.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

/* Small limits in a service of their own; those of the defaults no test would reach. */

const admin = 'ph_admin_key_of_this_test';
const requestsPerMinute = 30;
const opensPerMinute = 4;
const socketsPerKey = 3;

let database: TestDatabase;
let service: Service;
const opened: Socket[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  const config = readConfig({
    PORT: '0',
    DATABASE_URL: database.url,
    PLAYHEAD_ADMIN_KEY: admin,
    PLAYHEAD_REQUESTS_PER_MINUTE: String(requestsPerMinute),
    PLAYHEAD_SOCKETS_PER_KEY: String(socketsPerKey),
  });
  const changed: Partial<Record<keyof Limits, number>> = {
    opensPerMinute,
    socketMessagesPerRequest: 1,
  };
  const own = { ...config, limits: { ...limits, ...changed } };
  service = await startService(own, pino({ level: 'silent' }), () => undefined);
}, 90_000);

afterAll(async () => {
  for (const socket of opened) socket.disconnect();
  await service.stop();
  await database.drop();
});

const request = (path: string, key: string, init: RequestInit = {}): Promise<Response> =>
  fetch(service.url + path, {
    ...init,
    headers: { authorization: `Bearer ${key}`, ...init.headers },
  });

/** A key of its own for each test, as every key has its own limits. */
const freshKey = async (scope: string): Promise<string> => {
  const answer = await request('/api/keys', admin, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: scope, scopes: [scope] }),
  });
  return ((await answer.json()) as { key: string }).key;
};

/** The code with which a connection is refused; `undefined` when it is let in. */
const connect = async (token: string): Promise<{ socket: Socket; refused: unknown }> => {
  const options = { transports: ['websocket'], forceNew: true, reconnection: false };
  const socket = io(service.url, { ...options, auth: { token } });
  opened.push(socket);
  const refused = await new Promise<unknown>((resolve) => {
    socket.once('connect', () => resolve(undefined));
    socket.once('connect_error', (error: Error & { data?: unknown }) => resolve(error.data));
  });
  return { socket, refused };
};

describe('requests over HTTP', () => {
  it('are counted in headers, and refused beyond the limit until the minute is over', async () => {
    const key = await freshKey('read');
    for (let nth = 1; nth <= requestsPerMinute; nth += 1) {
      const { status, headers } = await request('/api/sessions', key);
      expect([status, headers.get('ratelimit-remaining')]).toEqual([
        200,
        String(requestsPerMinute - nth),
      ]);
      expect(headers.get('ratelimit-limit')).toBe(String(requestsPerMinute));
    }
    const refused = await request('/api/sessions', key);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(await refused.json()).toMatchObject({ code: 'rate-limited', retry: true, status: 429 });
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(refused.headers.get('ratelimit-reset')).toBe(String(seconds));
    expect(refused.headers.get('ratelimit-remaining')).toBe('0');
    expect(refused.headers.get('x-ratelimit-limit')).toBe(String(requestsPerMinute));
    expect(refused.headers.get('x-ratelimit-remaining')).toBe('0');
    const reset = Date.parse(refused.headers.get('x-ratelimit-reset') ?? '');
    expect(Math.abs(reset - Date.now() - seconds * 1_000)).toBeLessThan(2_000);
  });

  it('of one key leave the others theirs, and are counted on every route', async () => {
    const [spent, other] = [await freshKey('write'), await freshKey('read')];
    const paths = ['/api/sessions', '/metrics', '/no/such/path', '/api/keys'];
    for (let nth = 0; nth < requestsPerMinute; nth += 1) {
      await request(paths[nth % paths.length] ?? '', spent);
    }
    for (const path of paths) expect((await request(path, spent)).status).toBe(429);
    expect((await request('/api/sessions', other)).status).toBe(200);
  });

  it('for health and ingest are not among them', async () => {
    const key = await freshKey('ingest');
    for (let nth = 0; nth <= requestsPerMinute; nth += 1) {
      expect((await request('/health/live', key)).status).toBe(200);
    }
    for (let nth = 0; nth <= requestsPerMinute; nth += 1) {
      const { status } = await request('/api/ingest', key, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      expect(status).toBe(400);
    }
    expect((await request('/api/sessions', key)).status).toBe(403);
  });
});

describe('sockets', () => {
  it('over the limit of a key are refused at connect, however many come at once', async () => {
    const key = await freshKey('read');
    const came = await Promise.all(Array.from({ length: 10 }, () => connect(key)));
    const refused = came.filter(({ refused }) => refused !== undefined);
    expect(refused).toHaveLength(10 - socketsPerKey);
    for (const one of refused) {
      expect(one.refused).toMatchObject({ code: 'too-many-sockets', retry: true });
    }
    const other = await connect(await freshKey('read'));
    expect(other.refused).toBeUndefined();
  });

  it('make room when they go', async () => {
    const key = await freshKey('read');
    const came = await Promise.all(Array.from({ length: socketsPerKey }, () => connect(key)));
    for (const { refused } of came) expect(refused).toBeUndefined();
    expect((await connect(key)).refused).toMatchObject({ code: 'too-many-sockets' });
    // One by leaving the namespace, which keeps its connection, one by being cut.
    came[0]?.socket.disconnect();
    came[1]?.socket.io.engine.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const again = [await connect(key), await connect(key), await connect(key)];
    expect(again.map(({ refused }) => (refused as { code?: string } | undefined)?.code)).toEqual([
      undefined,
      undefined,
      'too-many-sockets',
    ]);
  });

  it('may open so much in a minute, all sockets of a key together', async () => {
    const key = await freshKey('read');
    const sockets = [(await connect(key)).socket, (await connect(key)).socket];
    const codes: unknown[] = [];
    for (let nth = 0; nth < opensPerMinute + 2; nth += 1) {
      const answer = (await sockets[nth % 2]?.emitWithAck('session:open', {
        sessionId: 'there is none',
      })) as { code: string };
      codes.push(answer.code);
    }
    expect(codes).toEqual([
      ...Array.from({ length: opensPerMinute }, () => 'not-found'),
      'rate-limited',
      'rate-limited',
    ]);
  });

  it('may say so much in a minute, and are refused when it is too much, in order', async () => {
    const key = await freshKey('read');
    const { socket } = await connect(key);
    const got: unknown[] = [];
    socket.on('refused', (refusal) => got.push(refusal));
    const close = { sessionId: 'none' };
    const answers = Array.from(
      { length: requestsPerMinute + 2 },
      () => socket.emitWithAck('session:close', close) as Promise<{ ok: boolean }>,
    );
    const oks = (await Promise.all(answers)).map(({ ok }) => ok);
    expect(oks).toEqual([...Array.from({ length: requestsPerMinute }, () => true), false, false]);
    socket.emit('session:close', close);
    const last = (await socket.emitWithAck('command', {})) as unknown;
    expect(last).toMatchObject({ ok: false, code: 'rate-limited', retry: true });
    expect(got).toMatchObject([{ event: 'session:close', code: 'rate-limited' }]);
  });
});

it('a body over the limit is too-large', async () => {
  const key = await freshKey('write');
  const answer = await request('/api/sessions', key, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'x'.repeat(limits.bodyBytesMax) }),
  });
  expect(answer.status).toBe(413);
  expect(await answer.json()).toMatchObject({ code: 'too-large', retry: false });
});
