import type { EventData } from '@playhead/contract';
import { definedFields, idFrom, idOfText, type ImportedReport } from './imported-entry.ts';
import { textIn, type Row } from './import-format.ts';
import { durationIn, extraOf } from './row-fields.ts';

/** So many names of calls are kept; beyond, the oldest are forgotten. */
const NAMES_MAX = 10_000;

interface Calls {
  begun: number;
  readonly open: string[];
}

/**
 * The ids of a session's tool calls, and which call a result is of. Files name calls by ids that
 * may be missing or given twice; here each call has an id of its own. Depends only on what has been
 * read so far, so a longer file gives the same ids.
 */
export class ToolCallIds {
  readonly #calls = new Map<string, Calls>();

  /** The id of a call that begins; `fallback` names it where the file does not. */
  begin(name: unknown, fallback: string): string {
    const key = textIn(name) ?? fallback;
    const calls = this.#callsOf(key);
    const callId = calls.begun === 0 ? idFrom(key) : idOfText(JSON.stringify([key, calls.begun]));
    calls.begun += 1;
    calls.open.push(callId);
    return callId;
  }

  /** The call that a result with this name is of; `undefined` where it already has one. */
  answered(name: unknown): string | undefined {
    const key = textIn(name);
    if (key === undefined) return undefined;
    const calls = this.#callsOf(key);
    if (calls.begun === 0) {
      calls.begun = 1;
      return idFrom(key);
    }
    return calls.open.shift();
  }

  #callsOf(key: string): Calls {
    const known = this.#calls.get(key);
    if (known) return known;
    const calls: Calls = { begun: 0, open: [] };
    this.#calls.set(key, calls);
    const [oldest] = this.#calls.keys();
    if (this.#calls.size > NAMES_MAX && oldest !== undefined) this.#calls.delete(oldest);
    return calls;
  }
}

/** A tool call as the formats give it. */
export interface ImportedCall {
  readonly callId: string;
  readonly tool: unknown;
  readonly input?: unknown;
  readonly messageId?: string | undefined;
  readonly participantId?: string | undefined;
  readonly extra?: Row | undefined;
}

/** The report of a tool call. */
export const callReport = ({ tool, extra, ...call }: ImportedCall): ImportedReport => ({
  type: 'report-tool-call',
  call: definedFields<EventData<'tool.called'>>({
    ...call,
    tool: textIn(tool) ?? 'unknown',
    extra: extraOf(extra ?? {}),
  }),
});

/** The result of a tool call as the formats give it. */
export interface ImportedResult {
  readonly callId: string;
  readonly text?: string | undefined;
  readonly isFailed?: boolean | undefined;
  readonly error?: string | undefined;
  readonly exitCode?: unknown;
  readonly durationMs?: unknown;
  readonly extra?: Row | undefined;
}

/** The report of a tool's result. An exit code other than 0 is a failure. */
export function resultReport(result: ImportedResult): ImportedReport {
  const { callId, text, extra } = result;
  const exitCode = Number.isSafeInteger(result.exitCode) ? (result.exitCode as number) : undefined;
  const isFailed = result.isFailed ?? (result.error !== undefined || (exitCode ?? 0) !== 0);
  const finish = definedFields<EventData<'tool.finished'>>({
    callId,
    outcome: isFailed ? 'failed' : 'finished',
    exitCode,
    error: result.error,
    durationMs: durationIn(result.durationMs),
    extra: extraOf(extra ?? {}),
  });
  return text === undefined || text === ''
    ? { type: 'report-tool-result', finish }
    : { type: 'report-tool-result', output: { callId, text }, finish };
}
