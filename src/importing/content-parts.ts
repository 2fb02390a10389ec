import type { ImportedFile } from './imported-entry.ts';
import { rowOf, textIn, type Row } from './import-format.ts';
import { rest } from './row-fields.ts';

/** What the content of a message comes to. */
export interface ReadContent {
  readonly text: string;
  readonly files: readonly ImportedFile[];
  /** Parts, or fields of parts, that are neither text nor a file; each with its place, `index`. */
  readonly others: readonly Row[];
}

const MEDIA_TYPE = /^[\w.+-]{1,80}\/[\w.+-]{1,80}$/;
const BASE64 = /^[A-Za-z0-9+/_=\s-]*$/;
/** What comes before the comma of a data URL is short. */
const HEADER_MAX = 500;

/** Whether a value is a media type. */
export const isMediaType = (value: unknown): value is string =>
  typeof value === 'string' && MEDIA_TYPE.test(value);

const mediaType = (value: unknown): string =>
  isMediaType(value) ? value : 'application/octet-stream';

/** Content in base64 as a file; `undefined` where the text is something else. */
export function fileOfBase64(
  base64: unknown,
  type: unknown,
  name?: unknown,
): ImportedFile | undefined {
  if (typeof base64 !== 'string' || base64 === '' || !BASE64.test(base64)) return undefined;
  const content = Buffer.from(base64, 'base64');
  return content.length > 0 ? fileOf(content, type, name) : undefined;
}

/** A file of a media type that is one, and with a name where there is one. */
export const fileOf = (content: Buffer, type: unknown, name?: unknown): ImportedFile => {
  const called = textIn(name);
  return called === undefined
    ? { type: mediaType(type), content }
    : { type: mediaType(type), name: called, content };
};

/** What a data URL holds; `undefined` for any other URL, which is never fetched. */
export function fileOfDataUrl(url: unknown, name?: unknown): ImportedFile | undefined {
  if (typeof url !== 'string' || !url.startsWith('data:')) return undefined;
  const comma = url.indexOf(',');
  if (comma < 0 || comma > HEADER_MAX) return undefined;
  const [type, ...parameters] = url.slice('data:'.length, comma).split(';');
  const body = url.slice(comma + 1);
  if (parameters.includes('base64')) return fileOfBase64(body, type, name);
  try {
    return fileOf(Buffer.from(decodeURIComponent(body)), type === '' ? 'text/plain' : type, name);
  } catch {
    return undefined;
  }
}

interface Part {
  readonly text?: string | undefined;
  readonly file?: ImportedFile | undefined;
  /** What of the part has no place in text and file. */
  readonly other?: Row | undefined;
}

/** A file with what else its part says; the whole part where it holds no file. */
const filePart = (part: Row, file: ImportedFile | undefined, other: Row): Part =>
  file ? { file, other } : { other: part };

function imagePart(part: Row): Part {
  const image = rowOf(part.image_url);
  const file = fileOfDataUrl(image?.url ?? part.image_url);
  return filePart(part, file, { ...rest(part, 'type', 'image_url'), ...rest(image ?? {}, 'url') });
}

/** Claude's way to hold an image or a document. */
function sourcePart(part: Row): Part {
  const source = rowOf(part.source) ?? {};
  if (source.type === 'text' && typeof source.data === 'string') {
    const file = fileOf(Buffer.from(source.data), source.media_type, part.title);
    return filePart(part, file, rest(part, 'type', 'source', 'title'));
  }
  const file = fileOfBase64(source.data, source.media_type, part.title);
  return filePart(part, file, {
    ...rest(part, 'type', 'source', 'title'),
    ...rest(source, 'type', 'data', 'media_type'),
  });
}

function readPart(part: unknown): Part {
  if (typeof part === 'string') return { text: part };
  const row = rowOf(part);
  if (!row) return { other: { value: part } };
  switch (row.type) {
    case 'text':
    case 'input_text':
    case 'output_text':
    case 'summary_text':
    case 'reasoning_text':
      return typeof row.text === 'string'
        ? { text: row.text, other: rest(row, 'type', 'text') }
        : { other: row };
    case 'refusal':
      return typeof row.refusal === 'string'
        ? { text: row.refusal, other: rest({ ...row, type: 'refusal' }, 'refusal') }
        : { other: row };
    case 'image_url':
    case 'input_image':
      return imagePart(row);
    case 'image':
    case 'document':
      return sourcePart(row);
    case 'input_audio': {
      const audio = rowOf(row.input_audio) ?? {};
      const file = fileOfBase64(audio.data, `audio/${textIn(audio.format) ?? ''}`);
      return filePart(row, file, {
        ...rest(row, 'type', 'input_audio'),
        ...rest(audio, 'data', 'format'),
      });
    }
    case 'file':
    case 'input_file': {
      const held = rowOf(row.file) ?? row;
      const file =
        fileOfDataUrl(held.file_data, held.filename) ??
        fileOfBase64(held.file_data, undefined, held.filename);
      return filePart(row, file, {
        ...rest(row, 'type', 'file', 'file_data', 'filename'),
        ...rest(held, 'type', 'file_data', 'filename'),
      });
    }
    default:
      return { other: row };
  }
}

/**
 * Content as language models take it: a text, or a list of parts that are texts, images or other
 * files. What is held in the content becomes a file; what is elsewhere stays a part.
 */
export function readContent(content: unknown): ReadContent {
  if (typeof content === 'string') return { text: content, files: [], others: [] };
  if (content === null || content === undefined) return { text: '', files: [], others: [] };
  const texts: string[] = [];
  const files: ImportedFile[] = [];
  const others: Row[] = [];
  for (const [index, part] of (Array.isArray(content) ? content : [content]).entries()) {
    const { text, file, other } = readPart(part);
    if (text !== undefined) texts.push(text);
    if (file) files.push(file);
    if (other && Object.keys(other).length > 0) others.push({ index, ...other });
  }
  return { text: texts.join('\n'), files, others };
}
