import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import cors from 'cors';
import type { FastifyInstance } from 'fastify';
import type { AllowedOrigins, OriginAccess } from '../access/allowed-origins.ts';

/** Response headers that a page of another origin may read. */
const EXPOSED = [
  ...['ETag', 'Location', 'Playhead-Revision', 'Retry-After', 'WWW-Authenticate'],
  ...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'],
  ...['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'],
];

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** A preflight asks what the request that follows may do. Any other OPTIONS goes to the routes. */
const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' &&
  headers.origin !== undefined &&
  headers['access-control-request-method'] !== undefined;

/** What CORS answers to a request, for HTTP and for Socket.IO's polling alike. */
export const corsOptionsFor =
  (origins: AllowedOrigins, maxAgeS: number): cors.CorsOptionsDelegate<IncomingMessage> =>
  (request, done) => {
    const access = accessOf(request, origins);
    done(null, {
      // The origin is repeated, also where all are let in: `Vary` keeps caches from mixing answers.
      origin: access !== 'refused',
      credentials: access === 'with-credentials',
      methods: METHODS,
      exposedHeaders: EXPOSED,
      maxAge: maxAgeS,
      preflightContinue: !isPreflight(request),
    });
  };

/**
 * Answers preflights, which show no key, and adds CORS headers to all other answers, refusals
 * included. Must be added before the hook that asks for a key.
 */
export function addCorsHook(
  fastify: FastifyInstance,
  origins: AllowedOrigins,
  maxAgeS: number,
): void {
  const handle = cors(corsOptionsFor(origins, maxAgeS));
  fastify.addHook('onRequest', ({ raw }, reply, done) => {
    // Then the library ends the answer, and the hook is never done.
    if (isPreflight(raw) && accessOf(raw, origins) !== 'refused') reply.hijack();
    handle(raw, reply.raw, (failure?: unknown) => done(failure as Error | undefined));
  });
}

const accessOf = (
  { headers }: { readonly headers: IncomingHttpHeaders },
  origins: AllowedOrigins,
): OriginAccess => origins.accessOf(headers.origin, headers.host);

/** Whether the cookies of a request count: not for a page of an origin that is not listed. */
export const mayUseCookies = (
  request: { readonly headers: IncomingHttpHeaders },
  origins: AllowedOrigins,
): boolean => accessOf(request, origins) === 'with-credentials';
