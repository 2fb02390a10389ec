import type { Readable } from 'node:stream';
import { Problem } from '../problem.ts';

/** How much may arrive, and how long nothing may. */
export interface BodyBounds {
  readonly importBytesMax: number;
  readonly importStallMs: number;
}

/**
 * A body piece by piece, as it is taken. Throws `too-large` beyond the limit, and `invalid` when it
 * stops arriving. How long the taker needs for a piece does not count.
 */
export async function* bounded(
  body: Readable,
  { importBytesMax, importStallMs }: BodyBounds,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const timer = setTimeout(() => body.destroy(new Problem('invalid', STALLED)), importStallMs);
      const next = await pieces.next().finally(() => clearTimeout(timer));
      if (next.done) return;
      bytes += next.value.length;
      if (bytes > importBytesMax) {
        throw new Problem('too-large', `a file of more than ${importBytesMax} bytes`);
      }
      yield next.value;
    }
  } finally {
    // The rest is read and dropped: a client that still sends could not read the answer.
    body.removeAllListeners('readable');
    if (!body.destroyed) body.resume();
  }
}

const STALLED = 'the file stopped arriving';
