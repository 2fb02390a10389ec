import { readContent } from '../content-parts.ts';
import { entryOf, idOfText, messageReport, type Imported } from '../imported-entry.ts';
import {
  listIn,
  rowOf,
  textIn,
  type DocumentFormat,
  type FileContext,
  type LineFormat,
  type LineReader,
  type Row,
} from '../import-format.ts';
import { startReport } from '../reports.ts';
import {
  anyInstant,
  faultIn,
  keepable,
  leftOf,
  parsedInput,
  rest,
  roleIn,
  tokensIn,
} from '../row-fields.ts';
import { callReport, resultReport, ToolCallIds } from '../tool-calls.ts';
import { usageIn } from '../usage-fields.ts';

const isMessage = (value: unknown): boolean => {
  const row = rowOf(value);
  if (!row || roleIn(row.role) === undefined) return false;
  return 'content' in row || 'tool_calls' in row || 'function_call' in row;
};

const withoutExtension = (name: string): string | undefined =>
  textIn(name.replace(/\.[a-z]{1,10}$/i, ''));

/** A session of messages that stand in one list. */
class ListedSession {
  readonly #sessionId: string;
  readonly #calls = new ToolCallIds();
  #index = 0;

  constructor(sessionId: string) {
    this.#sessionId = sessionId;
  }

  start(name: string | undefined, first: unknown, fields: Row = {}): Imported {
    const model = textIn(fields.model);
    const report = startReport({ name, model, extra: leftOf(fields, { model }) }, []);
    return entryOf(this.#sessionId, 'start', report, { occurredAt: timeOf(rowOf(first) ?? {}) });
  }

  *message(value: unknown): Generator<Imported> {
    const index = this.#index;
    this.#index += 1;
    const row = rowOf(value);
    const fault = row ? faultIn(row) : 'is no object';
    if (!row || fault !== undefined) {
      yield { unreadable: `message ${index} ${fault}` };
    } else {
      yield* this.#entries(row, index);
    }
  }

  *#entries(row: Row, index: number): Generator<Imported> {
    const occurredAt = timeOf(row);
    const callId =
      row.role === 'tool' || row.role === 'function'
        ? this.#calls.answered(row.tool_call_id ?? row.name)
        : undefined;
    if (callId === undefined) {
      yield* this.#posted(row, index, occurredAt);
      return;
    }
    const { text, files, others } = readContent(row.content);
    const report = resultReport({
      callId,
      text,
      extra: { ...unplaced(row, true), ...(others.length > 0 && { content: others }) },
    });
    yield entryOf(this.#sessionId, `result ${index}`, report, { occurredAt, files });
  }

  *#posted(row: Row, index: number, occurredAt: string | undefined): Generator<Imported> {
    const { role, source } = roleIn(row.role) ?? { role: 'system', source: 'system' };
    const { text, files, others } = readContent(row.content);
    const messageId = `message-${index}`;
    const usage = rowOf(row.usage);
    const name = textIn(row.name);
    const author = source === 'agent' ? 'assistant' : source;
    const report = messageReport({
      messageId,
      role,
      source,
      author: {
        participantId: author,
        kind: source === 'agent' ? 'agent' : source === 'user' ? 'user' : 'orchestrator',
        ...(name !== undefined && { name }),
      },
      content: text,
      model: textIn(row.model),
      usage: usage && usageIn(usage),
      tokens: tokensIn(usage?.total_tokens),
      extra: { ...unplaced(row), ...(others.length > 0 && { content: others }) },
    });
    yield entryOf(this.#sessionId, `message ${index}`, report, { occurredAt, files });
    yield* this.#called(row, index, { messageId, participantId: author }, occurredAt);
  }

  *#called(
    row: Row,
    index: number,
    by: { readonly messageId: string; readonly participantId: string },
    occurredAt: string | undefined,
  ): Generator<Imported> {
    const old = rowOf(row.function_call);
    const calls = [...listIn(row.tool_calls), ...(old ? [{ id: old.name, function: old }] : [])];
    for (const [nth, value] of calls.entries()) {
      const call = rowOf(value);
      const called = rowOf(call?.function) ?? rowOf(call?.custom) ?? {};
      if (!call) {
        yield { unreadable: `tool call ${nth} of message ${index} is no object` };
        continue;
      }
      const fallback = `call-${index}-${nth}`;
      const report = callReport({
        ...by,
        callId: this.#calls.begin(call.id, fallback),
        tool: called.name ?? call.name,
        input: parsedInput(called.arguments ?? called.input),
        extra: {
          ...leftOf(call, {
            id: textIn(call.id),
            type: call.type === 'function' || undefined,
            function: rowOf(call.function),
            custom: rowOf(call.function) ? undefined : rowOf(call.custom),
          }),
          ...leftOf(called, {
            name: textIn(called.name),
            arguments: called.arguments,
            input: called.arguments === undefined || undefined,
          }),
        },
      });
      yield entryOf(this.#sessionId, fallback, report, { occurredAt });
    }
  }
}

const timeOf = (row: Row): string | undefined => anyInstant(row.timestamp ?? row.created_at);

/** What has no place, and a time that is none. */
const unplaced = (row: Row, isResult = false): Row =>
  leftOf(row, {
    role: roleIn(row.role),
    content: true,
    tool_calls: !isResult && Array.isArray(row.tool_calls) ? true : undefined,
    function_call: isResult ? undefined : rowOf(row.function_call),
    tool_call_id: isResult ? textIn(row.tool_call_id) : undefined,
    model: isResult ? undefined : textIn(row.model),
    timestamp: anyInstant(row.timestamp),
    created_at: row.timestamp === undefined ? anyInstant(row.created_at) : undefined,
  });

/** The same for a longer version of the same file: what it is named and how it begins. */
const listId = ({ name }: FileContext, messages: readonly unknown[]): string => {
  const begin = messages.slice(0, 2).map((message) => faultIn(message) ?? message);
  return idOfText(JSON.stringify(['message-list', name, ...begin]));
};

function* readList(
  messages: readonly unknown[],
  sessionId: string,
  name: string | undefined,
  fields: Row = {},
): Generator<Imported> {
  const { row, faults } = keepable(rest(fields, 'messages'));
  for (const fault of faults) yield { unreadable: fault };
  const session = new ListedSession(sessionId);
  yield session.start(name, messages[0], row);
  for (const message of messages) yield* session.message(message);
}

const messagesOf = (value: unknown): readonly unknown[] | undefined => {
  const messages = Array.isArray(value) ? (value as unknown[]) : rowOf(value)?.messages;
  return Array.isArray(messages) && messages.some(isMessage) ? messages : undefined;
};

/**
 * A list of messages as OpenAI's chat API takes it, alone or as `messages` of an object, one
 * session a file. Built to the API's reference; untested on files that others have written, of
 * which there is no one shape.
 */
export const messageListDocument: DocumentFormat = {
  name: 'message list',
  detects: (value) => messagesOf(value) !== undefined,
  *read(value, file) {
    const messages = messagesOf(value) ?? [];
    const sessionId = listId(file, messages);
    yield* readList(messages, sessionId, withoutExtension(file.name), rowOf(value));
  },
};

/** One message a line; all lines are one session, named by the file and its first two. */
class MessageLines implements LineReader {
  readonly #file: FileContext;
  #session: ListedSession | undefined;
  #held: unknown[] = [];

  constructor(file: FileContext) {
    this.#file = file;
  }

  *line(value: unknown, text: string): Generator<Imported> {
    const row = rowOf(value);
    const messages = messagesOf(row);
    if (row && messages) {
      yield* readList(messages, idOfText(`message-list ${text}`), undefined, row);
    } else if (!isMessage(row)) {
      yield { unreadable: 'neither a message nor a list of messages' };
    } else if (this.#session) {
      yield* this.#session.message(row);
    } else {
      this.#held.push(row);
      if (this.#held.length === 2) yield* this.#begun();
    }
  }

  *end(): Generator<Imported> {
    if (this.#held.length > 0) yield* this.#begun();
  }

  *#begun(): Generator<Imported> {
    const session = new ListedSession(listId(this.#file, this.#held));
    yield session.start(withoutExtension(this.#file.name), this.#held[0]);
    for (const message of this.#held) yield* session.message(message);
    this.#session = session;
    this.#held = [];
  }
}

/**
 * Lines of JSON that are each a message (together one session) or an object with `messages` (each
 * a session, known by its content), as data for training is kept. Built to OpenAI's reference;
 * untested on files that others have written.
 */
export const messageListLines: LineFormat = {
  name: 'message list (JSON lines)',
  detects: (value) => {
    const row = rowOf(value);
    return row !== undefined && !('type' in row) && (isMessage(row) || !!messagesOf(row));
  },
  open: (file) => new MessageLines(file),
};
