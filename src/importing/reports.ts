import { definedFields, type ImportedReport } from './imported-entry.ts';
import type { Row } from './import-format.ts';
import { extraOf } from './row-fields.ts';

type StartReport = Extract<ImportedReport, { type: 'report-start' }>;

/** The report of a session's start, with what the file says of it. */
export const startReport = (
  fields: { readonly [Name in keyof StartReport['start']]: StartReport['start'][Name] | undefined },
  participants: StartReport['participants'],
): ImportedReport => ({
  type: 'report-start',
  start: definedFields<StartReport['start']>({ ...fields, extra: extraOf(fields.extra ?? {}) }),
  participants,
});

/** The report of what has no place of its own. */
export const noteReport = (kind: string, extra: Row): ImportedReport => {
  const kept = extraOf(extra);
  return { type: 'report-note', note: kept ? { kind, extra: kept } : { kind } };
};
