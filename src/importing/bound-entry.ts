import {
  ATTACHMENT_NAME_MAX,
  ATTACHMENTS_MAX,
  mediaType,
  type Attachment,
} from '@playhead/contract';
import type { AttachmentStore } from '../attachments/attachment-store.ts';
import { entryOf, type ImportedEntry, type ImportedFile } from './imported-entry.ts';

/** What an entry may hold itself. */
export interface EntryBounds {
  /** Characters of a message or of the output of a tool. */
  readonly messageCharactersMax: number;
  /** Bytes of an entry as JSON, beside its text. */
  readonly importEntryBytesMax: number;
}

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';

/** So many UTF-16 units of a text, and no half of a pair of them. */
const beginningOf = (text: string, length: number): string =>
  text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');

/**
 * An entry as it can be stored: files become references, a text that is too long is cut and kept
 * whole as a file, and so is the rest of what it says where that is too much for an event.
 */
export async function boundEntry(
  entry: ImportedEntry,
  store: Pick<AttachmentStore, 'put'>,
  bounds: EntryBounds,
): Promise<ImportedEntry[]> {
  const attachments: Attachment[] = [];
  const attach = async ({ type, name, content }: ImportedFile): Promise<Attachment> => {
    const known = mediaType.safeParse(type).success ? type : 'application/octet-stream';
    const { hash, bytes } = await store.put(known, content);
    const said = name === undefined ? {} : { name: beginningOf(name, ATTACHMENT_NAME_MAX) };
    const attachment = { hash, type: known, bytes, ...said };
    attachments.push(attachment);
    return attachment;
  };
  for (const file of entry.files ?? []) await attach(file);
  const cut = async (text: string, name: string): Promise<string> => {
    if (text.length <= bounds.messageCharactersMax) return text;
    await attach({ type: TEXT, name, content: Buffer.from(text) });
    return beginningOf(text, bounds.messageCharactersMax);
  };
  let { report } = entry;
  if (report.type === 'report-message') {
    const content = await cut(report.message.content, 'message.txt');
    report = { ...report, message: { ...report.message, content } };
  } else if (report.type === 'report-tool-result' && report.output) {
    const text = await cut(report.output.text, 'output.txt');
    report = { ...report, output: { ...report.output, text } };
  }
  const isLarge = (value: unknown): boolean =>
    Buffer.byteLength(JSON.stringify(value ?? null)) > bounds.importEntryBytesMax;
  /** What is too large for an event, as a reference to the file that has it. */
  const within = async <Value>(value: Value, name: string): Promise<Value | { sha256: string }> => {
    if (!isLarge(value)) return value;
    const content = Buffer.from(JSON.stringify(value));
    return { sha256: (await attach({ type: JSON_TYPE, name, content })).hash };
  };
  report = await boundReport(report, within);
  return withAttachments({ ...entry, report, files: undefined }, attachments);
}

type Report = ImportedEntry['report'];
type Within = <Value>(value: Value, name: string) => Promise<Value | { sha256: string }>;

async function boundReport(report: Report, within: Within): Promise<Report> {
  const part = async <Part extends { extra?: Record<string, unknown> | undefined }>(
    data: Part,
  ): Promise<Part> =>
    data.extra ? { ...data, extra: await within(data.extra, 'extra.json') } : data;
  switch (report.type) {
    case 'report-message':
      return { ...report, message: await part(report.message) };
    case 'report-start':
      return { ...report, start: await part(report.start) };
    case 'report-participant':
      return { ...report, participant: await part(report.participant) };
    case 'report-tool-call': {
      const call = await part(report.call);
      return { ...report, call: { ...call, input: await within(call.input, 'input.json') } };
    }
    case 'report-tool-result':
      return { ...report, finish: await part(report.finish) };
    case 'report-note':
      return { ...report, note: await part(report.note) };
    case 'report-error':
      return { ...report, error: await part(report.error) };
    case 'report-end':
      return { ...report, end: await part(report.end) };
    case 'report-name':
    case 'report-labels':
      return report;
  }
}

/** The entry with its references, or with notes that have those its event has no place for. */
function withAttachments(entry: ImportedEntry, attachments: Attachment[]): ImportedEntry[] {
  const { report, sessionId, commandId, occurredAt } = entry;
  const first = attachments.slice(0, ATTACHMENTS_MAX);
  let [referring, rest] = [report, attachments];
  if (first.length > 0 && report.type === 'report-message') {
    rest = attachments.slice(ATTACHMENTS_MAX);
    referring = { ...report, message: { ...report.message, attachments: first } };
  } else if (first.length > 0 && report.type === 'report-tool-result') {
    rest = attachments.slice(ATTACHMENTS_MAX);
    const output = { callId: report.finish.callId, text: '', ...report.output };
    referring = { ...report, output: { ...output, attachments: first } };
  }
  const notes = Array.from({ length: Math.ceil(rest.length / ATTACHMENTS_MAX) }, (_, nth) => {
    const part = rest.slice(nth * ATTACHMENTS_MAX, (nth + 1) * ATTACHMENTS_MAX);
    const note = { kind: `attachments of ${report.type}`, attachments: part };
    const key = `attachments ${nth} ${commandId}`;
    return entryOf(sessionId, key, { type: 'report-note', note }, { occurredAt });
  });
  return [{ ...entry, report: referring }, ...notes];
}
