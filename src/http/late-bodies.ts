import type { FastifyInstance, FastifyRequest } from 'fastify';
import { hasBody } from './body-decoding.ts';
import { sendProblemAndClose } from './problem-response.ts';
import { Problem } from './problem.ts';

/**
 * Cuts requests whose bodies take longer than `requestMs` to arrive, but for those that may:
 * Node's own limit is one for all requests of a server, and an import takes as long as its file.
 */
export function addLateBodyHook(
  fastify: FastifyInstance,
  requestMs: number,
  mayTakeLonger: (request: FastifyRequest) => boolean,
): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { raw } = request;
    if (!raw.complete && hasBody(raw.headers) && !mayTakeLonger(request)) {
      const timer = setTimeout(() => {
        if (!raw.complete) sendProblemAndClose(raw.socket, new Problem('invalid', TOO_SLOW));
      }, requestMs);
      raw.once('close', () => clearTimeout(timer));
    }
    done();
  });
}

/** What is said to a client whose request did not arrive in time. */
export const TOO_SLOW = 'arrived too slowly';
