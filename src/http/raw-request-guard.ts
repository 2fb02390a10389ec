import { maxHeaderSize, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyServerOptions } from 'fastify';
import type { Authenticator } from '../access/principal.ts';
import { sendProblemAndClose, sendProblem } from './problem-response.ts';
import { authenticate } from './request-hooks.ts';
import { TOO_SLOW } from './late-bodies.ts';
import { problemOf } from './problem.ts';
import { Problem } from './problem.ts';

/*
 * Requests that never reach a route are refused with the same keys, codes and words as all others.
 */

type Handlers = Required<Pick<FastifyServerOptions, 'frameworkErrors' | 'clientErrorHandler'>>;

/**
 * How the HTTP server is set up; `importMs` is how long the longest request may take to arrive. See
 * `late-bodies.ts` for all others.
 */
export function serverOptions(authenticator: Authenticator, limits: { readonly importMs: number }) {
  const frameworkErrors: Handlers['frameworkErrors'] = (_failure, request, reply) => {
    void refusalOf(request, authenticator, 'no path of this service').then((problem) =>
      sendProblem(request, reply, problem),
    );
  };
  const clientErrorHandler: Handlers['clientErrorHandler'] = (failure, socket) => {
    if (!socket.writable) return;
    sendProblemAndClose(socket, refusalOfBytes(failure.code));
  };
  return {
    // The router does not limit ids in a path: the contract does.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: maxHeaderSize },
    requestTimeout: limits.importMs,
    http: { requireHostHeader: false },
    // A request that comes while the service stops is served, and ends its connection.
    return503OnClosing: false,
    frameworkErrors,
    clientErrorHandler,
  };
}

/** Refuses tunnels and upgrades to anything but Socket.IO; an unknown expectation is let be. */
export function guardRawRequests(server: Server, authenticator: Authenticator): void {
  const refuse = (request: IncomingMessage, socket: Duplex): void => {
    void refusalOf(request, authenticator, 'nothing to switch to').then((problem) =>
      sendProblemAndClose(socket, problem),
    );
  };
  server.on('connect', refuse);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    if (!request.url?.startsWith('/socket.io/')) refuse(request, socket);
  });
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

/** Without a valid key that is the refusal, else what is wrong with the request. */
const refusalOf = (
  request: Parameters<typeof authenticate>[0],
  authenticator: Authenticator,
  wrong: string,
): Promise<Problem> =>
  authenticate(request, authenticator).then(() => new Problem('invalid', wrong), problemOf);

function refusalOfBytes(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return new Problem('too-large', 'address and headers');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem('invalid', TOO_SLOW);
  return new Problem('invalid', 'not HTTP');
}
