import fc from 'fast-check';
import { arbitraryBodies } from './mutations.ts';
import type { WireRequest } from './raw-http.ts';

export const json = ['Content-Type', 'application/json'] as const;

/** Printable Latin-1. */
export const visible = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.integer({ min: 0x21, max: 0xff }).map((at) => String.fromCharCode(at)),
    maxLength,
  });

const routes = [
  '/api/sessions',
  '/api/sessions/x',
  '/metrics',
  '/health/live',
  '/health/ready',
].concat(['messages', 'participants', 'events'].map((list) => `/api/sessions/x/${list}`));
const parameters = ['page', 'limit', 'status', 'source', 'search', 'after', 'afterId', '__proto__'];
const parameter = fc.oneof(
  visible(8),
  fc
    .tuple(
      fc.constantFrom(...parameters),
      fc.oneof(
        visible(8),
        fc.integer().map(String),
        fc.constantFrom('', '%00', '%zz', '%ed%a0%80'),
      ),
    )
    .map(([name, value]) => `${name}=${value}`),
);
const targets = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...routes, '/api/ingest', '/nowhere'),
      fc.array(parameter, { maxLength: 4 }),
    )
    .map(([path, query]) => (query.length > 0 ? `${path}?${query.join('&')}` : path)),
  visible(20).map((id) => `/api/sessions/${id.replaceAll('?', '')}`),
  visible(30).map((rest) => `/${rest}`),
  visible(10),
  fc.constantFrom('*', '//', '/%', '/%zz', '/api/sessions/%zz/events', '/api/sessions/%00', '/..'),
  fc.constantFrom('/api//sessions', '/API/SESSIONS', '/api/sessions/', 'http://x/api/sessions'),
  fc.integer({ min: 90, max: 40_000 }).map((length) => `/api/sessions/${'x'.repeat(length)}`),
);
const methods = fc.constantFrom(
  ...['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'],
  ...['CONNECT', 'PROPFIND', 'M-SEARCH', 'QUERY', 'BREW', 'get', 'G@T', ''],
);
const headers = fc.array(
  fc.oneof(
    fc.tuple(
      fc.constantFrom('Accept', 'Content-Type', 'X-Odd', 'Accept-Encoding', 'Range', 'Cookie'),
      fc.oneof(visible(20), fc.string({ unit: 'binary-ascii', maxLength: 20 })),
    ),
    fc.constantFrom<(readonly [string, string])[]>(
      json,
      ['Content-Type', 'application/json; charset=utf-16'],
      ['Content-Encoding', 'gzip'],
      ['Upgrade', 'websocket'],
      ['Expect', 'the impossible'],
      ['Transfer-Encoding', 'gzip'],
      ['Content-Length', '-1'],
      ['If-None-Match', '*'],
      ['X-HTTP-Method-Override', 'POST'],
      ['X-Big', 'x'.repeat(20_000)],
    ),
  ),
  { maxLength: 3 },
);

/** Requests that no HTTP client would make, without a key. */
export const oddRequests: fc.Arbitrary<WireRequest> = fc.record({
  method: methods,
  target: targets,
  headers,
  body: fc.option(arbitraryBodies, { nil: undefined }),
});
