import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { inPieces } from './in-pieces.ts';

/**
 * Answers with texts as they are made, at the pace at which the client takes them; one that takes
 * nothing for `stallMs` is cut. Until the first text is there the request can still be refused:
 * what making it throws is thrown here.
 */
export async function sendPieces(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  texts: AsyncIterable<string>,
  stallMs: number,
): Promise<void> {
  const pieces = inPieces(texts);
  const first = await pieces.next();
  void reply.headers(headers);
  if (reply.request.method === 'HEAD') {
    await pieces.return(undefined);
    await reply.send();
    return;
  }
  const taken = cutWhenStalled(following(first, pieces), reply.raw, stallMs);
  await reply.send(Readable.from(taken, { highWaterMark: 1 }));
}

/** What a generator has given already, and the rest. */
async function* following<Item>(
  first: IteratorResult<Item>,
  rest: AsyncGenerator<Item>,
): AsyncGenerator<Item> {
  try {
    if (!first.done) yield first.value;
    yield* rest;
  } finally {
    // Also when the client goes before it has taken the first.
    await rest.return(undefined);
  }
}

/**
 * Ends the answer when the client takes nothing for so many milliseconds: it would keep the export,
 * and what that holds, for good. How long the next piece takes to make does not count.
 */
async function* cutWhenStalled(
  pieces: AsyncIterable<string>,
  answer: ServerResponse,
  stallMs: number,
): AsyncGenerator<string> {
  for await (const piece of pieces) {
    const timer = setTimeout(() => answer.destroy(), stallMs);
    try {
      yield piece;
    } finally {
      clearTimeout(timer);
    }
  }
  // All is made; the rest is in buffers until the client takes it.
  answer.setTimeout(stallMs, () => answer.destroy());
}
