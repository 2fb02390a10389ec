import { eventTypes, id, instant } from '@playhead/contract';
import fc from 'fast-check';
import type { DocumentFormat, LineFormat } from '../../src/importing/import-format.ts';
import type {
  Imported,
  ImportedEntry,
  ImportedReport,
} from '../../src/importing/imported-entry.ts';
import { mutated } from './mutations.ts';

/** What a document comes to. */
export const readDocument = (
  format: DocumentFormat,
  value: unknown,
  name = 'file.json',
): Imported[] => [...format.read(value, { name })];

/** What lines come to; those that are no JSON are left to whoever reads the file. */
export function readLines(
  format: LineFormat,
  lines: readonly string[],
  name = 'file.jsonl',
): { readonly read: Imported[]; readonly end: Imported[] } {
  const reader = format.open({ name });
  const read = lines.flatMap((line) => {
    try {
      return [...reader.line(JSON.parse(line), line)];
    } catch (fault) {
      if (fault instanceof SyntaxError) return [];
      throw fault;
    }
  });
  return { read, end: [...reader.end()] };
}

/** The entries among what was read. */
export const entriesOf = (read: readonly Imported[]): ImportedEntry[] =>
  read.filter((one) => 'report' in one);

/** What could not be read, and why. */
export const unreadableOf = (read: readonly Imported[]): string[] =>
  read.flatMap((one) => ('unreadable' in one ? [one.unreadable] : []));

/** The reports of one kind. */
export const reportsOf = <Type extends ImportedReport['type']>(
  read: readonly Imported[],
  type: Type,
): Extract<ImportedReport, { type: Type }>[] =>
  entriesOf(read)
    .map(({ report }) => report)
    .filter((report): report is Extract<ImportedReport, { type: Type }> => report.type === type);

/** The messages, in their order. */
export const messagesOf = (read: readonly Imported[]) =>
  reportsOf(read, 'report-message').map(({ message }) => message);

/** Every event data of a report, beside the type it must be valid for. */
function dataOf(report: ImportedReport): readonly (readonly [keyof typeof eventTypes, unknown])[] {
  switch (report.type) {
    case 'report-start':
      return [
        ['session.started', { source: 'import', ...report.start }],
        ...report.participants.map((one) => ['participant.joined', one] as const),
      ];
    case 'report-message':
      return [
        ['message.posted', report.message],
        ['participant.joined', report.author],
      ];
    case 'report-participant':
      return [['participant.joined', report.participant]];
    case 'report-name':
      return [['session.renamed', { name: report.name }]];
    case 'report-labels':
      return [['session.labelled', { labels: report.labels }]];
    case 'report-tool-call':
      return [['tool.called', report.call]];
    case 'report-tool-result':
      return [
        ...(report.output ? [['tool.output', report.output] as const] : []),
        ['tool.finished', report.finish],
      ];
    case 'report-note':
      return [['session.noted', report.note]];
    case 'report-error':
      return [['session.error-raised', report.error]];
    case 'report-end':
      return [['session.ended', report.end]];
  }
}

/** What is wrong with what a reader gave: empty for what can be stored as it is. */
export function faultsOf(read: readonly Imported[]): string[] {
  const faults: string[] = [];
  const started = new Set<string>();
  const commands = new Map<string, string>();
  const posted = new Map<string, string>();
  for (const entry of entriesOf(read)) {
    const { sessionId, commandId, report, occurredAt } = entry;
    if (!id.safeParse(sessionId).success) faults.push(`session id ${sessionId}`);
    if (occurredAt !== undefined && !instant.safeParse(occurredAt).success) faults.push(occurredAt);
    if (!started.has(sessionId) && report.type !== 'report-start')
      faults.push('start is not first');
    started.add(sessionId);
    const text = JSON.stringify(report);
    if ((commands.get(commandId) ?? text) !== text)
      faults.push(`two reports, one command: ${text}`);
    commands.set(commandId, text);
    if (report.type === 'report-message') {
      const key = `${sessionId} ${report.message.messageId}`;
      if (posted.has(key) && posted.get(key) !== commandId) faults.push(`message twice: ${key}`);
      posted.set(key, commandId);
    }
    for (const [type, data] of dataOf(report)) {
      const parsed = eventTypes[type].data.safeParse(data);
      if (!parsed.success) faults.push(`${type}: ${parsed.error.message} in ${text.slice(0, 500)}`);
      else if (holes(data)) faults.push(`${type} holds what JSON cannot: ${text.slice(0, 500)}`);
      else if (JSON.stringify(data).length !== JSON.stringify(parsed.data).length) {
        // The schema leaves out what it does not know; __proto__ is data that zod does not copy.
        if (!text.includes('__proto__'))
          faults.push(`${type} loses a field: ${text.slice(0, 500)}`);
      }
    }
  }
  return faults;
}

const holes = (value: unknown): boolean => {
  if (value === undefined || (typeof value === 'number' && !Number.isFinite(value))) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holes);
};

/** Paths of all objects in a value. */
const objectsIn = (node: unknown, path: readonly string[] = []): (readonly string[])[] =>
  typeof node !== 'object' || node === null
    ? []
    : [
        ...(Array.isArray(node) ? [] : [path]),
        ...Object.entries(node).flatMap(([key, value]) => objectsIn(value, [...path, key])),
      ];

const MARK = 'a field that nobody knows';

/**
 * The places in a file where an unknown field is lost: each object in turn gets one, and what is
 * read of the file must hold it somewhere. `except` names places by a part of their path.
 */
export function lostFields(
  value: unknown,
  read: (value: unknown) => readonly Imported[],
  except: readonly RegExp[] = [],
): string[] {
  return objectsIn(value)
    .filter((path) => {
      const copy = structuredClone(value);
      let node = copy as Record<string, unknown>;
      for (const key of path) node = node[key] as Record<string, unknown>;
      node.unknown_field = MARK;
      return !JSON.stringify(read(copy)).includes(MARK);
    })
    .map((path) => path.join('.'))
    .filter((path) => !except.some((one) => one.test(path)));
}

/** Reads mutations of valid values; throws with what is wrong with what was read of one. */
export function survivesMutations(
  values: readonly unknown[],
  read: (value: unknown, text: string) => readonly Imported[],
  numRuns = 1_000,
): void {
  fc.assert(
    fc.property(mutated(fc.constantFrom(...values)), (text) => {
      const faults = faultsOf(read(JSON.parse(text), text));
      if (faults.length > 0) throw new Error(faults.slice(0, 3).join('\n'));
    }),
    { numRuns },
  );
}
