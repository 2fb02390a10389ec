import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import { hasBody } from './body-decoding.ts';
import { Problem } from './problem.ts';

const FORM = /^multipart\/form-data\b/i;

/** Lets forms with files through to where they are taken; elsewhere they are refused. */
export function addFormBodies(
  fastify: FastifyInstance,
  isTaken: (request: FastifyRequest) => boolean,
): void {
  // The plugin parses this type on every route.
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request;
    const isForm = hasBody(headers) && FORM.test(headers['content-type'] ?? '');
    done(isForm && !isTaken(request) ? new Problem('unsupported-media-type') : undefined);
  });
  // Its types allow for servers of HTTP/2, which this is none of.
  void fastify.register(multipart as unknown as FastifyPluginAsync);
}
