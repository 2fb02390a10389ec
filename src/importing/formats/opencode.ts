import { fileOfDataUrl } from '../content-parts.ts';
import {
  entryOf,
  idFrom,
  idOfText,
  messageReport,
  type Imported,
  type ImportedFile,
  type ImportedReport,
  type ImportedUsage,
} from '../imported-entry.ts';
import { listIn, rowOf, textIn, type DocumentFormat, type Row } from '../import-format.ts';
import { noteReport, startReport } from '../reports.ts';
import {
  durationBetween,
  extraOf,
  faultIn,
  instantOfMs,
  keepable,
  leftOf,
  nanoOf,
  rest,
  roleIn,
  tokensIn,
} from '../row-fields.ts';
import { callReport, resultReport, ToolCallIds } from '../tool-calls.ts';

/** What the parts of a message come to; those with no place of their own stay in `others`. */
interface Parts {
  readonly texts: readonly string[];
  readonly reasoning: readonly string[];
  readonly files: readonly ImportedFile[];
  readonly tools: readonly Row[];
  readonly others: readonly Row[];
}

/** Ids that a part repeats from its message. */
const REPEATED = ['messageID', 'sessionID'];

function readParts(parts: readonly unknown[]): Parts {
  const read = {
    texts: [] as string[],
    reasoning: [] as string[],
    files: [] as ImportedFile[],
    tools: [] as Row[],
    others: [] as Row[],
  };
  const other = (part: Row, ...taken: readonly string[]): void => {
    const left = rest(part, ...REPEATED, ...taken);
    // A part that says only which it was says nothing more.
    if (Object.keys(rest(left, 'id', 'type')).length > 0) read.others.push(left);
  };
  for (const value of parts) {
    const part = rowOf(value) ?? { value };
    const text = typeof part.text === 'string' ? part.text : undefined;
    const file = part.type === 'file' ? fileOfDataUrl(part.url, part.filename) : undefined;
    if (part.type === 'text' && text !== undefined) {
      read.texts.push(text);
      other(part, 'text');
    } else if (part.type === 'reasoning' && text !== undefined) {
      read.reasoning.push(text);
      other(part, 'text');
    } else if (part.type === 'tool') {
      read.tools.push(part);
    } else if (file) {
      read.files.push(file);
      other(part, 'url', 'filename', 'mime');
    } else {
      other(part);
    }
  }
  return read;
}

/**
 * Tokens as they are kept here. Where opencode gives a total it shows whether reasoning is counted
 * within the output; where not, it is billed beside it.
 */
function usageOf(tokens: Row): { readonly usage: ImportedUsage; readonly tokens?: number } {
  const cache = rowOf(tokens.cache) ?? {};
  const [input, output] = [tokensIn(tokens.input), tokensIn(tokens.output)];
  const reasoning = tokensIn(tokens.reasoning);
  const [cacheRead, cacheWrite] = [tokensIn(cache.read), tokensIn(cache.write)];
  const total = tokensIn(tokens.total);
  const sum = (input ?? 0) + (output ?? 0) + (cacheRead ?? 0) + (cacheWrite ?? 0);
  const isWithin = total !== undefined && total === sum;
  const all = output === undefined ? reasoning : output + (isWithin ? 0 : (reasoning ?? 0));
  const usage = { input, output: all, reasoning, cacheRead, cacheWrite };
  return total === undefined ? { usage } : { usage, tokens: total };
}

/** One exported session. */
class OpencodeSession {
  readonly #sessionId: string;
  readonly #calls = new ToolCallIds();
  readonly #known = new Set<string>();

  constructor(sessionId: string) {
    this.#sessionId = sessionId;
  }

  *message(value: unknown, index: number, isLast: boolean): Generator<Imported> {
    const row = rowOf(value);
    const info = rowOf(row?.info);
    const fault = info ? faultIn(row) : 'has no info';
    if (!row || !info || fault !== undefined) {
      yield { unreadable: `message ${index} ${fault}` };
      return;
    }
    const name = textIn(info.id) ?? `message-${index}`;
    const messageId = this.#known.has(name) ? idFrom(`${name} ${index}`) : idFrom(name);
    this.#known.add(name);
    const parts = readParts(listIn(row.parts));
    const time = rowOf(info.time) ?? {};
    const extra = {
      ...leftOf(row, { info, parts: Array.isArray(row.parts) || undefined }),
    };
    const isUnfinished = isLast && info.role === 'assistant' && !isComplete(info, time);
    // Input and text, tokens and cost are not final: a later export of the session has them whole.
    const isOpen = (part: unknown): boolean => isUnfinished && isPending(part);
    if (isUnfinished) {
      const kept = listIn(row.parts).filter((part) => !isTool(part) || isOpen(part));
      const note = { ...rest(row, 'parts'), parts: kept };
      const key = `unfinished ${messageId} ${JSON.stringify(note)}`;
      yield entryOf(this.#sessionId, key, noteReport('unfinished message', note));
    } else {
      yield this.#posted(info, parts, messageId, extra);
    }
    for (const [nth, tool] of parts.tools.entries()) {
      if (!isOpen(tool)) yield* this.#tool(tool, messageId, `${messageId} ${nth}`, time);
    }
  }

  #posted(info: Row, parts: Parts, messageId: string, more: Row): Imported {
    const { role, source } = roleIn(info.role) ?? { role: 'system', source: 'system' };
    const time = rowOf(info.time) ?? {};
    const tokens = rowOf(info.tokens);
    const agent = source === 'agent';
    const durationMs = durationBetween(time.created, time.completed);
    const isTimeKept =
      instantOfMs(time.created) !== undefined && (durationMs ?? time.completed) === durationMs;
    const [cost, model] = [nanoOf(info.cost), textIn(info.modelID)];
    const extra = {
      ...more,
      ...leftOf(info, {
        id: textIn(info.id),
        sessionID: info.sessionID === this.#sessionId || undefined,
        role: roleIn(info.role),
        modelID: agent ? model : undefined,
        cost,
        time: isTimeKept || undefined,
      }),
      ...(isTimeKept && rest({ time: rest(time, 'created', 'completed') })),
      ...rest({ reasoning: parts.reasoning, parts: parts.others }),
    };
    const report = messageReport({
      messageId,
      role,
      source,
      author: agent
        ? { participantId: 'opencode', kind: 'agent', agentType: 'opencode' }
        : { participantId: source, kind: source === 'user' ? 'user' : 'orchestrator' },
      content: parts.texts.join('\n'),
      model: agent ? model : undefined,
      ...(tokens && usageOf(tokens)),
      costNano: cost,
      durationMs,
      extra,
    });
    const when = { occurredAt: instantOfMs(time.created), files: parts.files };
    return entryOf(this.#sessionId, `message ${messageId}`, report, when);
  }

  *#tool(part: Row, messageId: string, key: string, time: Row): Generator<Imported> {
    const state = rowOf(part.state) ?? {};
    const spent = rowOf(state.time) ?? {};
    const isOver = state.status === 'completed' || state.status === 'error';
    const callId = this.#calls.begin(part.callID ?? part.id, `call ${key}`);
    const report = callReport({
      callId,
      tool: part.tool,
      input: state.input,
      messageId,
      participantId: 'opencode',
      extra: {
        ...leftOf(rest(part, ...REPEATED, 'type'), {
          callID: textIn(part.callID),
          tool: textIn(part.tool),
          state: rowOf(part.state),
        }),
        ...(!isOver && rest({ state: rest(state, 'status', 'input') })),
      },
    });
    const begun = instantOfMs(spent.start) ?? instantOfMs(time.created);
    yield entryOf(this.#sessionId, `call ${key}`, report, { occurredAt: begun });
    if (!isOver) return;
    const attached = listIn(state.attachments).map((value) => rowOf(value) ?? { value });
    const files = attached.map(({ url, filename }) => fileOfDataUrl(url, filename));
    const leftOfFile = (row: Row, nth: number): Row =>
      files[nth] ? rest(row, 'type', 'mime', 'url', 'filename') : row;
    const isTimed = instantOfMs(spent.start) !== undefined && instantOfMs(spent.end) !== undefined;
    const result = resultReport({
      callId,
      text: textIn(state.output),
      error: textIn(state.error),
      isFailed: state.status === 'error',
      durationMs: durationBetween(spent.start, spent.end),
      extra: {
        ...leftOf(rest(state, 'status', 'input'), {
          output: textIn(state.output),
          error: textIn(state.error),
          time: isTimed || undefined,
          attachments: Array.isArray(state.attachments) || undefined,
        }),
        ...(isTimed && rest({ time: rest(spent, 'start', 'end') })),
        ...rest({ attached: attached.map(leftOfFile).filter((one) => extraOf(one)) }),
      },
    });
    yield entryOf(this.#sessionId, `result ${key}`, result, {
      occurredAt: instantOfMs(spent.end),
      files: files.filter((file) => file !== undefined),
    });
  }
}

const isComplete = (info: Row, time: Row): boolean =>
  typeof time.completed === 'number' || rowOf(info.error) !== undefined;

const isTool = (part: unknown): boolean => rowOf(part)?.type === 'tool';

/** A call whose input is still being written. */
const isPending = (part: unknown): boolean =>
  isTool(part) && rowOf(rowOf(part)?.state)?.status === 'pending';

function startOf(info: Row, fields: Row): ImportedReport {
  const [name, version] = [textIn(info.title), textIn(info.version)];
  const extra = {
    ...leftOf(info, { id: textIn(info.id), title: name }),
    ...leftOf(fields, { info: rowOf(fields.info) }),
  };
  return startReport({ name, extra }, [
    {
      participantId: 'opencode',
      kind: 'agent',
      name: 'opencode',
      agentType: 'opencode',
      ...(version !== undefined && { agentVersion: version }),
    },
  ]);
}

/**
 * A session as `opencode export` writes it: `{ info, messages: [{ info, parts }] }`. Built to the
 * source of opencode (`session/message-v2.ts`, `cli/cmd/export.ts`); untested on real files.
 */
export const opencode: DocumentFormat = {
  name: 'opencode export',
  detects(value) {
    const row = rowOf(value);
    const isMessage = (item: unknown) => rowOf(rowOf(item)?.info) !== undefined;
    if (!rowOf(row?.info) || !Array.isArray(row?.messages)) return false;
    return row.messages.length === 0 || row.messages.some(isMessage);
  },
  *read(value, file) {
    const { messages, ...fields } = rowOf(value) ?? {};
    const { row, faults } = keepable(fields);
    for (const fault of faults) yield { unreadable: fault };
    const info = rowOf(row.info) ?? {};
    const id = textIn(info.id);
    const sessionId = id ? idFrom(id) : idOfText(JSON.stringify(['opencode', file.name]));
    const occurredAt = instantOfMs(rowOf(info.time)?.created);
    yield entryOf(sessionId, 'start', startOf(info, row), { occurredAt });
    const session = new OpencodeSession(sessionId);
    const list = listIn(messages);
    for (const [index, message] of list.entries()) {
      yield* session.message(message, index, index === list.length - 1);
    }
  },
};
