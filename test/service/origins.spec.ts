import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { io } from 'socket.io-client';
import type { Browser, Page } from 'playwright-core';
import { browserPath, launchBrowser } from '../support/browser.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { adminKey, RunningService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;
let pages: { readonly listed: Server; readonly stranger: Server };

/** Something that serves one empty page: an origin of its own. */
async function startPage(): Promise<Server> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>page</title>');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const originOf = (server: Server): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  pages = { listed: await startPage(), stranger: await startPage() };
  database = await freshDatabase();
  service = await RunningService.start({
    DATABASE_URL: database.url,
    PLAYHEAD_ALLOWED_ORIGINS: `https://app.example.com, ${originOf(pages.listed)}`,
  });
});
afterAll(async () => {
  await service.stop();
  for (const server of Object.values(pages)) server.close();
  await database.drop();
});

const preflight = (path: string, origin: string) =>
  service.request(path, {
    key: null,
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,idempotency-key',
    },
  });

describe('a request of a page of another origin', () => {
  const origin = 'https://app.example.com';

  it('asks by a preflight, which needs no key and may be remembered', async () => {
    const { status, headers } = await preflight('/api/sessions', origin);
    expect(status).toBe(204);
    expect(Object.fromEntries(headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'authorization,content-type,idempotency-key',
      'access-control-max-age': '600',
      vary: expect.stringContaining('Origin') as string,
    });
    expect(headers.get('access-control-allow-methods')).toContain('POST');
  });

  it.each(['/api/sessions', '/api/ingest', '/api/stream', '/nowhere', '/health/ready'])(
    'may read the answer of %s, also a refusal, with the headers that clients need',
    async (path) => {
      for (const key of [adminKey, null]) {
        const { headers } = await service.request(path, { key, headers: { origin } });
        expect(headers.get('access-control-allow-origin')).toBe(origin);
        expect(headers.get('access-control-expose-headers')).toMatch(/ETag.*Location.*Retry-After/);
      }
    },
  );

  it('is answered nothing when the origin is not allowed', async () => {
    for (const stranger of ['https://evil.example.com', 'null', originOf(pages.stranger)]) {
      const asked = await preflight('/api/sessions', stranger);
      expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([401, null]);
      const { headers } = await service.request('/api/sessions', { headers: { origin: stranger } });
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('is no preflight without the question', async () => {
    const { status, headers } = await service.request('/api/sessions', {
      method: 'OPTIONS',
      headers: { origin },
    });
    expect(status).toBe(404);
    expect(headers.get('access-control-allow-origin')).toBe(origin);
  });

  it('has its cookie count only for an origin that is listed', async () => {
    const { headers } = await service.request('/api/stream/cookie', { method: 'POST' });
    const cookie = headers.get('set-cookie')?.split(';')[0] ?? '';
    const statusFor = async (own: Record<string, string>): Promise<number> => {
      const asked = { key: null, headers: { cookie, ...own } };
      return (await service.request('/api/stream', asked)).status;
    };
    expect(await statusFor({})).toBe(200);
    expect(await statusFor({ origin })).toBe(200);
    expect(await statusFor({ origin: service.url })).toBe(200);
    expect(await statusFor({ origin: originOf(pages.stranger) })).toBe(401);
  });
});

describe('a socket of a page of another origin', () => {
  const connecting = (origin: string, transport: 'websocket' | 'polling'): Promise<string> => {
    const socket = io(service.url, {
      transports: [transport],
      extraHeaders: { origin },
      auth: { token: adminKey },
      forceNew: true,
      reconnection: false,
    });
    return new Promise<string>((resolve) => {
      socket.on('connect', () => resolve('connected'));
      socket.on('connect_error', () => resolve('refused'));
    }).finally(() => socket.disconnect());
  };

  it.each(['websocket', 'polling'] as const)('connects over %s when it is allowed', async (by) => {
    expect(await connecting('https://app.example.com', by)).toBe('connected');
    expect(await connecting('https://evil.example.com', by)).toBe('refused');
    expect(await connecting('null', by)).toBe('refused');
  });
});

it('the setting is refused with its name when it holds what is no origin', async () => {
  const start = (PLAYHEAD_ALLOWED_ORIGINS: string) =>
    RunningService.start({ DATABASE_URL: database.url, PLAYHEAD_ALLOWED_ORIGINS });
  for (const wrong of [
    'app.example.com',
    'https://app.example.com/',
    'https://a.org,,*',
    'ftp://a.org',
  ]) {
    await expect(start(wrong)).rejects.toThrow(/PLAYHEAD_ALLOWED_ORIGINS: must be \*, null or/);
  }
});

(browserPath ? describe : describe.skip)('two pages of other origins in a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  const pageAt = async (server: Server): Promise<Page> => {
    const page = await browser.newPage();
    await page.goto(originOf(server));
    return page;
  };

  /** Starts a session, reads its revision, its stream and a socket, as a page would. */
  const use = (page: Page, sessionId: string): Promise<Record<string, unknown>> =>
    page.evaluate(`(async () => {
      const url = ${JSON.stringify(service.url)};
      const headers = { authorization: 'Bearer ${adminKey}', 'content-type': 'application/json' };
      const tried = async (work) => work().catch((failure) => failure.name);
      return {
        post: await tried(async () => {
          const body = JSON.stringify({ sessionId: '${sessionId}', name: 'From a page' });
          const own = { ...headers, 'idempotency-key': '${sessionId}' };
          const answer = await fetch(url + '/api/sessions', { method: 'POST', headers: own, body });
          return [answer.status, answer.headers.get('ratelimit-limit') !== null];
        }),
        refusal: await tried(async () => (await (await fetch(url + '/api/sessions')).json()).code),
        stream: await tried(async () => {
          const { body } = await fetch(url + '/api/sessions/${sessionId}/stream', { headers });
          const { value } = await body.getReader().read();
          return new TextDecoder().decode(value).includes('event: view');
        }),
        socket: await tried(
          () =>
            new Promise((resolve, reject) => {
              const address = url.replace('http', 'ws') + '/socket.io/?EIO=4&transport=websocket';
              const socket = new WebSocket(address);
              socket.onmessage = ({ data }) => resolve(data[0]);
              socket.onerror = () => reject(new Error());
            }),
        ),
      };
    })()`);

  it('serve themselves when they are listed, and get nothing when they are not', async () => {
    expect(await use(await pageAt(pages.listed), 'by-listed')).toEqual({
      post: [201, true],
      refusal: 'unauthenticated',
      stream: true,
      socket: '0',
    });
    expect(await use(await pageAt(pages.stranger), 'by-stranger')).toEqual({
      post: 'TypeError',
      refusal: 'TypeError',
      stream: 'TypeError',
      socket: 'Error',
    });
    expect((await service.request('/api/sessions/by-stranger/events')).status).toBe(404);
  });

  it('need no setting while the service listens on this machine alone', async () => {
    const own = await RunningService.start({ DATABASE_URL: database.url });
    const page = await pageAt(pages.stranger);
    const status = await page.evaluate(
      `fetch('${own.url}/api/sessions', { headers: { authorization: 'Bearer ${adminKey}' } })
        .then(({ status }) => status)`,
    );
    await page.goto('about:blank');
    await own.stop();
    expect(status).toBe(200);
  });
});
