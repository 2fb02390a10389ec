import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import helmet from 'helmet';
import { addBodyDecoding } from './body-decoding.ts';
import { addCorsHook, mayUseCookies } from './cors.ts';
import type { AllowedOrigins } from '../access/allowed-origins.ts';
import type { RateLimit } from '../access/rate-limit.ts';
import type { Authenticator, Principal } from '../access/principal.ts';
import { addFormBodies } from './form-bodies.ts';
import { addLateBodyHook } from './late-bodies.ts';
import { isIngest, isOfAgentPipe } from './ingest/ingest-failure.ts';
import { Problem } from './problem.ts';
import { countRequest } from './rate-limit.ts';
import { addStreamedBodies } from './streamed-bodies.ts';
import { keyInCookie } from './sse/stream-cookie.ts';

/** Paths that answer without a key. The pages hold nothing that is not in the source. */
export const OPEN_PATHS: ReadonlySet<string> = new Set([
  ...['/health/live', '/health/ready'],
  ...['/start', '/docs', '/docs/style.css'],
]);

/** Where a body may be larger than others: a whole session. */
const UPLOAD_PATH = '/api/sessions/upload';

export const NDJSON = 'application/x-ndjson';

/** How large a body may be. */
export interface RequestHooksOptions {
  readonly bodyBytesMax: number;
  /** How long a body may take to arrive, unless it is an imported file. */
  readonly requestMs: number;
  readonly uploadBytesMax: number;
  readonly ndjsonBytesMax: number;
  readonly origins: AllowedOrigins;
  readonly preflightMaxAgeS: number;
  /** Requests of a principal; ingest has a limit of its own, by conversation. */
  readonly requests: RateLimit;
}

const principals = new WeakMap<FastifyRequest, Principal>();

/** Who makes the request. Throws `unauthenticated` on a path that needs no key. */
export function principalOf(request: FastifyRequest): Principal {
  const principal = principals.get(request);
  if (!principal) throw new Problem('unauthenticated');
  return principal;
}

/**
 * The hooks that run before any route: security headers, then the key and its rate limit (before
 * the body is read), then the body as bytes, since ingest recognises a retry by them.
 *
 * Read this first in the folder. A request then meets `requires-scope.ts`, a controller in
 * `sessions/`, `export/`, `attachments/`, `search/`, `ingest/`, `sse/` or `operations/`, and on
 * failure `error-filter.ts` with `problem.ts` and `problem-response.ts`. `raw-request-guard.ts` has
 * what reaches no route.
 */
export function addRequestHooks(
  fastify: FastifyInstance,
  authenticator: Authenticator,
  options: RequestHooksOptions,
): void {
  // A hook of our own: Fastify's plugin builds all headers again for each request.
  const protect = helmet();
  fastify.addHook('onRequest', (request, reply, done) => {
    protect(request.raw, reply.raw, (failure) => done(failure as Error | undefined));
  });
  addCorsHook(fastify, options.origins, options.preflightMaxAgeS);
  fastify.addHook('onRequest', async (request, reply) => {
    const path = pathOf(request);
    if (OPEN_PATHS.has(path)) return;
    // Not a route: with one at `/` the router takes `GET *` past the hooks.
    if (path === '/' && asksForPage(request)) return reply.redirect('/start');
    const principal = await authenticateRequest(request, authenticator, options.origins);
    principals.set(request, principal);
    if (!isIngest(request.url)) await countRequest(options.requests, principal, reply);
  });
  addLateBodyHook(fastify, options.requestMs, isImport);
  fastify.addHook('onRoute', (route) => {
    if (route.url === UPLOAD_PATH) route.bodyLimit = options.uploadBytesMax;
  });
  addBodyDecoding(fastify);
  fastify.removeAllContentTypeParsers();
  addStreamedBodies(fastify, (request) => isImport(request) || isAttachment(request));
  takeBytes(fastify, 'application/json', options.bodyBytesMax);
  takeBytes(fastify, NDJSON, options.ndjsonBytesMax);
  addFormBodies(fastify, (request) => pathOf(request) === '/api/upload');
}

const pathOf = ({ url }: FastifyRequest): string => url.split('?')[0] ?? '';

/** The body is a file with sessions, which takes as long as it is large. */
const isImport = (request: FastifyRequest): boolean => pathOf(request) === '/api/import';

const isAttachment = ({ method, url }: FastifyRequest): boolean =>
  method === 'PUT' && url.startsWith('/api/attachments/');

/** Whether a browser asks for a page. */
const asksForPage = ({ method, headers }: FastifyRequest): boolean =>
  ['GET', 'HEAD'].includes(method) && /\btext\/html\b/.test(headers.accept ?? '');

function takeBytes(fastify: FastifyInstance, type: string, bodyLimit: number): void {
  fastify.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit }, (_request, body, done) => {
    done(null, body);
  });
}

/** The key in a request's header, when there is one. */
export const bearerOf = ({ authorization = '' }: IncomingHttpHeaders): string | undefined =>
  /^Bearer +(\S+)$/i.exec(authorization)?.[1];

/** Who holds the key of a request, which streams may have in a cookie. Throws as `identify`. */
export const authenticateRequest = (
  request: FastifyRequest,
  authenticator: Authenticator,
  origins: AllowedOrigins,
): Promise<Principal> =>
  authenticate(
    request,
    authenticator,
    mayUseCookies(request, origins) ? keyInCookie(request) : undefined,
  );

/** Who holds the key of a request. Throws the refusal when nobody does. */
export async function authenticate(
  request: {
    readonly headers: IncomingHttpHeaders;
    readonly method?: string;
    readonly url?: string;
  },
  authenticator: Authenticator,
  cookie?: string,
): Promise<Principal> {
  const { headers } = request;
  // AgentPipe's server strips the scheme when it is there, so a bare key passes there.
  const bare = isOfAgentPipe(request) ? headers.authorization : undefined;
  const token = headers.authorization === undefined ? cookie : (bearerOf(headers) ?? bare);
  if (!token) throw new Problem('unauthenticated', 'Missing or invalid authorization header');
  const principal = await authenticator.authenticate(token);
  if (!principal) throw new Problem('unauthenticated', 'Invalid API key');
  return principal;
}
