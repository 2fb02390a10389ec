import { formats } from '../../src/importing/formats.ts';
import type { Imported } from '../../src/importing/imported-entry.ts';
import { openFile } from '../../src/importing/read-file.ts';

export const bounds = { lineBytesMax: 1_000_000, documentBytesMax: 10_000_000 };

/** A file that arrives in pieces of these lengths, the last repeated. */
export async function* arriving(
  content: string | Buffer,
  lengths: readonly number[] = [65_536],
): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(content);
  for (let [from, nth] = [0, 0]; from < bytes.length; nth += 1) {
    const length = Math.max(1, lengths[Math.min(nth, lengths.length - 1)] ?? 1);
    yield bytes.subarray(from, from + length);
    from += length;
    await Promise.resolve();
  }
}

/** What a file is read as; each line that was read of stands in `lines`, once for each thing. */
export async function readingOf(
  content: string | Buffer,
  { name = 'file', lengths }: { name?: string; lengths?: readonly number[] } = {},
): Promise<{ format: string; read: Imported[]; lines: number[] }> {
  const file = await openFile(arriving(content, lengths), { name }, formats, bounds);
  const [read, lines]: [Imported[], number[]] = [[], []];
  for await (const one of file.entries) {
    read.push(one.read);
    lines.push(one.line);
  }
  return { format: file.format, read, lines };
}

/** Rows of JSON as a file. */
export const jsonLines = (...rows: unknown[]): string =>
  rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');
