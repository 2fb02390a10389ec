/** A line of a file: its text, or why it has none. Lines count from 1. */
export type Line =
  | { readonly number: number; readonly text: string; readonly bytes: number }
  | { readonly number: number; readonly unreadable: string; readonly bytes: number };

/** How long lines may be. */
export interface LineBounds {
  readonly lineBytesMax: number;
  /** The first line may be a whole document. */
  readonly documentBytesMax: number;
}

const NEW_LINE = 0x0a;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The lines of a file as it arrives, without line ends and byte order mark. Memory is bounded by
 * the longest line that is taken: of a longer one only its length is kept.
 */
export async function* linesOf(
  file: AsyncIterable<Uint8Array>,
  { lineBytesMax, documentBytesMax }: LineBounds,
): AsyncGenerator<Line> {
  let number = 1;
  let [pieces, bytes]: [Uint8Array[], number] = [[], 0];
  const bytesMax = (): number => (number === 1 ? documentBytesMax : lineBytesMax);
  const add = (piece: Uint8Array): void => {
    bytes += piece.length;
    if (bytes > bytesMax()) pieces = [];
    else if (piece.length > 0) pieces.push(piece);
  };
  const line = (): Line => {
    const read = bytes > bytesMax() ? tooLong(bytes, bytesMax()) : decoded(pieces, number === 1);
    const made = { number, bytes, ...read };
    [pieces, bytes] = [[], 0];
    number += 1;
    return made;
  };
  for await (const chunk of file) {
    let from = 0;
    for (let to; (to = chunk.indexOf(NEW_LINE, from)) >= 0; from = to + 1) {
      add(chunk.subarray(from, to));
      yield line();
    }
    add(chunk.subarray(from));
  }
  if (bytes > 0) yield line();
}

const tooLong = (bytes: number, bytesMax: number) => ({
  unreadable: `${bytes} bytes are more than the ${bytesMax} of a line`,
});

function decoded(
  pieces: readonly Uint8Array[],
  isFirst: boolean,
): { text: string } | { unreadable: string } {
  try {
    const text = utf8.decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
    const begin = isFirst && text.startsWith('\u{FEFF}') ? 1 : 0;
    return { text: text.slice(begin, text.endsWith('\r') ? -1 : undefined) };
  } catch {
    return { unreadable: 'not UTF-8' };
  }
}
