import { cleanse } from '@playhead/contract';
import type { Imported, Unreadable } from './imported-entry.ts';
import {
  rowOf,
  type DocumentFormat,
  type FileContext,
  type LineFormat,
  type TextFormat,
} from './import-format.ts';
import { linesOf, type Line, type LineBounds } from './lines.ts';

/** All formats that a file is tried for, in this order. */
export interface ImportFormats {
  readonly texts: readonly TextFormat[];
  readonly lines: readonly LineFormat[];
  readonly documents: readonly DocumentFormat[];
}

/** Something that was read, and the line it stands on; documents have but one. */
export interface ReadLine {
  readonly line: number;
  /** Bytes of the file up to the end of the line. */
  readonly bytes: number;
  readonly read: Imported;
}

/** A file that was recognised; what it says follows as it arrives. */
export interface OpenFile {
  readonly format: string;
  readonly entries: AsyncGenerator<ReadLine>;
}

/** A file that is of none of the formats; the message says what was seen in it. */
export class UnknownFormat extends Error {
  constructor(seen: string) {
    super(`the file is of no format that can be imported: ${seen}`);
    this.name = 'UnknownFormat';
  }
}

/** A format is recognised by one of so many first lines, however many of them are broken. */
const DETECTED_LINES_MAX = 100;
/** No more of a file is held until its format is recognised. */
const DETECTED_BYTES_MAX = 1024 * 1024;

/** Recognises a file by its content. Throws `UnknownFormat`; then nothing more of it is read. */
export async function openFile(
  file: AsyncIterable<Uint8Array>,
  context: FileContext,
  formats: ImportFormats,
  bounds: LineBounds,
): Promise<OpenFile> {
  const lines = linesOf(file, bounds);
  try {
    const beginning = await beginningOf(lines);
    return await recognised(beginning, following(beginning.lines, lines), context, formats, bounds);
  } catch (failure) {
    await lines.return(undefined);
    throw failure;
  }
}

/** The first lines of a file, and whether they are all of it. */
interface Beginning {
  readonly lines: readonly Line[];
  readonly isAll: boolean;
}

/** At least two lines: one alone may be a document, or the first of many. */
async function beginningOf(lines: AsyncGenerator<Line>): Promise<Beginning> {
  const first: Line[] = [];
  for (let bytes = 0; first.length < 2 || bytes < DETECTED_BYTES_MAX;) {
    const next = await lines.next();
    if (next.done) return { lines: first, isAll: true };
    bytes += next.value.bytes;
    first.push(next.value);
    if (first.length >= DETECTED_LINES_MAX) break;
  }
  return { lines: first, isAll: false };
}

async function recognised(
  beginning: Beginning,
  lines: AsyncGenerator<Line>,
  context: FileContext,
  formats: ImportFormats,
  bounds: LineBounds,
): Promise<OpenFile> {
  const first = beginning.lines;
  const texts = first.flatMap((line) => ('text' in line ? [line.text] : [])).filter(isNotEmpty);
  const [opening] = texts;
  if (opening === undefined) {
    throw new UnknownFormat(first.length > 0 ? 'its lines are empty or no text' : 'it is empty');
  }
  const text = formats.texts.find(({ detects }) => detects(opening));
  if (text) return { format: text.name, entries: textEntries(text, lines, context) };
  const values = texts.flatMap(valuesOf);
  const byLine = formats.lines.find(({ detects }) => values.some(detects));
  const isOneLine = beginning.isAll && texts.length === 1;
  // One line may be a whole document; one that is no JSON by itself is the first of its lines.
  if (isOneLine ? values.length > 0 : !byLine && valuesOf(opening).length === 0) {
    const value = isOneLine ? values[0] : await wholeDocument(lines, bounds.documentBytesMax);
    const document = formats.documents.find(({ detects }) => detects(value));
    if (document) {
      return { format: document.name, entries: documentEntries(document, value, context) };
    }
    if (!byLine) throw new UnknownFormat(seenIn(value, opening));
  }
  if (byLine) return { format: byLine.name, entries: lineEntries(byLine, lines, context) };
  throw new UnknownFormat(seenIn(values[0], opening));
}

const isNotEmpty = (text: string): boolean => text.trim() !== '';

/** The value of a JSON text, in a list that is empty when it is none. */
function valuesOf(text: string): unknown[] {
  try {
    return [cleanse(JSON.parse(text) as unknown).value];
  } catch {
    return [];
  }
}

async function wholeDocument(lines: AsyncIterable<Line>, bytesMax: number): Promise<unknown> {
  const texts: string[] = [];
  let bytes = 0;
  for await (const line of lines) {
    bytes += line.bytes + 1;
    if (bytes > bytesMax) throw new UnknownFormat(`a document of more than ${bytesMax} bytes`);
    texts.push('text' in line ? line.text : '');
  }
  return valuesOf(texts.join('\n'))[0];
}

/** What a person recognises a file by: the names of its first fields, or how its text begins. */
function seenIn(value: unknown, opening: string): string {
  const [item, within] = Array.isArray(value) ? [value[0] as unknown, 'a list of '] : [value, ''];
  const row = rowOf(item);
  if (!row) return `it begins with ${JSON.stringify(opening.slice(0, 60))}`;
  return `${within}JSON with the fields ${Object.keys(row).slice(0, 10).join(', ') || '(none)'}`;
}

async function* following<Item>(
  first: readonly Item[],
  rest: AsyncGenerator<Item>,
): AsyncGenerator<Item> {
  try {
    yield* first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

async function* lineEntries(
  format: LineFormat,
  lines: AsyncIterable<Line>,
  context: FileContext,
): AsyncGenerator<ReadLine> {
  const reader = format.open(context);
  let [number, bytes] = [1, 0];
  for await (const line of lines) {
    number = line.number;
    bytes += line.bytes + 1;
    for (const read of readLine(line)) yield { line: number, bytes, read };
  }
  for (const read of reader.end()) yield { line: number, bytes, read };

  function readLine(line: Line): Iterable<Imported> {
    if ('unreadable' in line) return [{ unreadable: line.unreadable }];
    if (!isNotEmpty(line.text)) return [];
    const [value, ...more] = valuesOf(line.text);
    if (value === undefined && more.length === 0) return [notJson(line.text)];
    return reader.line(value, line.text);
  }
}

const notJson = (text: string): Unreadable => ({
  unreadable: `not JSON: ${JSON.stringify(text.slice(0, 60))}`,
});

async function* textEntries(
  format: TextFormat,
  lines: AsyncIterable<Line>,
  context: FileContext,
): AsyncGenerator<ReadLine> {
  const reader = format.open(context);
  let [number, bytes] = [1, 0];
  for await (const line of lines) {
    number = line.number;
    bytes += line.bytes + 1;
    const entries =
      'unreadable' in line ? [{ unreadable: line.unreadable }] : reader.line(line.text);
    for (const read of entries) yield { line: number, bytes, read };
  }
  for (const read of reader.end()) yield { line: number, bytes, read };
}

async function* documentEntries(
  format: DocumentFormat,
  value: unknown,
  context: FileContext,
): AsyncGenerator<ReadLine> {
  for (const read of format.read(value, context)) yield { line: 1, bytes: 0, read };
}
