import { dollars, type MessageView } from '@playhead/contract';
import { attachmentTexts, speakerOf } from './facts.ts';
import type { Transcript } from './transcript.ts';

type Cell = string | number | null;

/** As AgentPipe's own export has them, then what it does not have. */
const columns: readonly (readonly [string, (message: MessageView) => Cell])[] = [
  ['Timestamp', ({ occurredAt }) => occurredAt],
  ['Agent', speakerOf],
  ['Type', ({ agentType }) => agentType],
  ['Model', ({ model }) => model],
  ['Input Tokens', ({ inputTokens }) => inputTokens],
  ['Output Tokens', ({ outputTokens }) => outputTokens],
  ['Total Tokens', ({ tokens }) => tokens],
  ['Cost', ({ costNano }) => dollars(costNano)],
  ['Duration (ms)', ({ durationMs }) => durationMs],
  ['Content', ({ content }) => content],
  ['Cache Read Tokens', ({ usage }) => usage.cacheRead],
  ['Cache Write Tokens', ({ usage }) => usage.cacheWrite],
  ['Reasoning Tokens', ({ usage }) => usage.reasoning],
  ['Attachments', ({ attachments }) => attachmentTexts(attachments).join('; ') || null],
];

/** A transcript's messages as CSV (RFC 4180), a line each. */
export async function* transcriptCsv({ messages }: Transcript): AsyncGenerator<string> {
  yield lineOf(columns.map(([name]) => name));
  for await (const page of messages) {
    for (const message of page) yield lineOf(columns.map(([, of]) => of(message)));
  }
}

const lineOf = (cells: readonly Cell[]): string => `${cells.map(cellOf).join(',')}\r\n`;

/** What spreadsheets take for the beginning of a formula, some of them also behind spaces. */
const FORMULA = /^[\t\r\n]|^\s*[=+\-@＝＋－＠]/;

/**
 * A cell that holds data and nothing else. A text that a spreadsheet would calculate gets an
 * apostrophe in front. Line breaks become spaces, for programs that read line by line.
 */
function cellOf(value: Cell): string {
  if (typeof value !== 'string') return String(value ?? '');
  const text = (FORMULA.test(value) ? `'${value}` : value).replace(/\r\n|[\r\n]/g, ' ');
  return /[",;\t]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
