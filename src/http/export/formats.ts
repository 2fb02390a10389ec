import type { ExportFormat } from '@playhead/contract';
import type { Transcript } from './transcript.ts';
import { transcriptCsv } from './transcript-csv.ts';
import { transcriptHtml } from './transcript-html.ts';
import { transcriptJson } from './transcript-json.ts';
import { transcriptMarkdown } from './transcript-markdown.ts';

/** How an export is sent. */
interface Form {
  readonly type: string;
  readonly extension: string;
  /** Writes a transcript; without it the events themselves are sent. */
  readonly write?: (transcript: Transcript, exportedAt: Date) => AsyncGenerator<string>;
}

/** Every format that a session is exported as. */
export const forms: Readonly<Record<ExportFormat, Form>> = {
  json: { type: 'application/json', extension: 'json', write: transcriptJson },
  markdown: { type: 'text/markdown', extension: 'md', write: transcriptMarkdown },
  csv: { type: 'text/csv', extension: 'csv', write: transcriptCsv },
  jsonl: { type: 'application/x-ndjson', extension: 'jsonl' },
  html: { type: 'text/html', extension: 'html', write: transcriptHtml },
};
