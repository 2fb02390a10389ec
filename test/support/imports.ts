import { formats } from '../../src/importing/formats.ts';
import type { Imported, ImportedEntry } from '../../src/importing/imported-entry.ts';
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

/** What a file is read as, line by line. */
export async function readingOf(
  content: string | Buffer,
  { name = 'file', lengths }: { name?: string; lengths?: readonly number[] } = {},
): Promise<{ format: string; read: { line: number; read: Imported }[] }> {
  const file = await openFile(arriving(content, lengths), { name }, formats, bounds);
  const read: { line: number; read: Imported }[] = [];
  for await (const one of file.entries) read.push({ line: one.line, read: one.read });
  return { format: file.format, read };
}

/** The entries among what was read. */
export const entriesOf = ({ read }: { read: { read: Imported }[] }): ImportedEntry[] =>
  read.flatMap(({ read: one }) => ('report' in one ? [one] : []));

/** Reports of one type. */
export const reportsOf = <Type extends ImportedEntry['report']['type']>(
  entries: readonly ImportedEntry[],
  type: Type,
) =>
  entries.flatMap(({ report }) =>
    report.type === type ? [report as Extract<ImportedEntry['report'], { type: Type }>] : [],
  );

/** Rows of JSON as a file. */
export const jsonLines = (...rows: unknown[]): string =>
  rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');
