import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Transform, type TransformCallback } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Problem } from './problem.ts';

const DECODERS = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
} as const;

const SUPPORTED = 'gzip, deflate, br';

const UTF8 = new Set(['utf-8', 'utf8', 'us-ascii']);

/** Whether a request brings a body at all. */
export const hasBody = (headers: IncomingHttpHeaders): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Bodies are read as UTF-8: read as anything else they would say something else. */
function refuseCharset({ 'content-type': type = '' }: IncomingHttpHeaders): void {
  const [, charset] = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(type) ?? [];
  if (charset === undefined || UTF8.has(charset.toLowerCase())) return;
  throw new Problem('unsupported-media-type', 'charset: must be utf-8', 'content-type');
}

/** The coding of a body; undefined for one that is sent as it is. RFC 9110, 8.4. */
function codingOf(
  { 'content-encoding': header = '' }: IncomingHttpHeaders,
  reply: FastifyReply,
): keyof typeof DECODERS | undefined {
  const coding = header.trim().toLowerCase();
  if (coding === '' || coding === 'identity') return undefined;
  if (Object.hasOwn(DECODERS, coding)) return coding as keyof typeof DECODERS;
  void reply.header('accept-encoding', SUPPORTED);
  const message = `Content-Encoding: must be one of ${SUPPORTED}`;
  throw new Problem('unsupported-media-type', message, 'content-encoding');
}

/** Counts what arrives, which Fastify compares with `Content-Length` once all is read. */
class Counted extends Transform {
  receivedEncodedLength = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    done(null, chunk);
  }
}

/**
 * The decoded body as a stream. Fastify's limit counts what comes out of it, so that a bomb is cut
 * off there; when the request is answered nothing more is decoded.
 */
function decoded(
  raw: IncomingMessage,
  reply: FastifyReply,
  coding: keyof typeof DECODERS,
): Counted {
  const decoder = DECODERS[coding]();
  const body = new Counted();
  // Fastify stops listening when the limit is reached, and an error that nobody handles would end
  // the process.
  body.on('error', () => undefined);
  raw.on('data', ({ length }: Buffer) => (body.receivedEncodedLength += length));
  decoder.on('error', () => {
    const message = `Content-Encoding: the body is not ${coding}`;
    body.destroy(new Problem('invalid', message, 'content-encoding'));
  });
  raw.pipe(decoder).pipe(body);
  reply.raw.once('close', () => {
    raw.unpipe(decoder);
    decoder.destroy();
    body.destroy();
    // A client that still sends would wait for ever on a connection that is kept.
    raw.resume();
  });
  return body;
}

/** Takes bodies in the content codings and the charset that the service understands. */
export function addBodyDecoding(fastify: FastifyInstance): void {
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    try {
      if (!hasBody(request.headers)) return done(null, payload);
      refuseCharset(request.headers);
      const coding = codingOf(request.headers, reply);
      done(null, coding === undefined ? payload : decoded(request.raw, reply, coding));
    } catch (problem) {
      done(problem as Problem);
    }
  });
}
