/** Text that is sent at once, roughly. */
const PIECE_LENGTH = 64 * 1024;

/**
 * Small texts joined, so that a long answer is not sent in a million packets. They stay texts: the
 * memory of buffers is outside of the heap, and tens of megabytes of it wait for a collection.
 */
export async function* inPieces(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let waiting = '';
  for await (const text of texts) {
    waiting += text;
    if (waiting.length < PIECE_LENGTH) continue;
    yield waiting;
    waiting = '';
  }
  if (waiting) yield waiting;
}
