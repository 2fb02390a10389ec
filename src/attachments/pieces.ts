import type { AttachmentBytes } from './attachment-store.ts';

/** Bytes in pieces of one size, the last as long as what is left. */
export async function* inPieces(bytes: AttachmentBytes, size: number): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  const chunks = bytes instanceof Uint8Array ? [bytes] : bytes;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (length + rest.length >= size) {
      const cut = size - length;
      yield Buffer.concat([...waiting, rest.subarray(0, cut)], size);
      [waiting, length] = [[], 0];
      rest = rest.subarray(cut);
    }
    if (rest.length === 0) continue;
    waiting.push(rest);
    length += rest.length;
  }
  if (length > 0) yield Buffer.concat(waiting, length);
}
