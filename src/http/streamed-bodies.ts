import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';

/** Fastify parses bodies by their type; under this one it hands them on as they come. */
const AS_STREAM = 'application/x-playhead-stream';

const types = new WeakMap<FastifyRequest, string>();

/** The type that a streamed body was sent with; '' for none. */
export const sentTypeOf = (request: FastifyRequest): string => types.get(request) ?? '';

/**
 * Lets some bodies through as streams, whatever their type is: also JSON, which is read whole
 * elsewhere, and texts in any charset. Compressed ones are decoded on the way, as all are.
 */
export function addStreamedBodies(
  fastify: FastifyInstance,
  isStreamed: (request: FastifyRequest) => boolean,
): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (isStreamed(request)) {
      types.set(request, request.headers['content-type'] ?? '');
      request.raw.headers['content-type'] = AS_STREAM;
    }
    done();
  });
  fastify.addContentTypeParser(AS_STREAM, (request, body, done) => {
    if (types.has(request)) done(null, body);
    else done(new Problem('unsupported-media-type'), undefined);
  });
}
