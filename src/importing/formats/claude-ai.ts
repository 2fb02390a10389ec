import { fileOf, isMediaType, readContent, type ReadContent } from '../content-parts.ts';
import {
  entryOf,
  idFrom,
  idOfText,
  messageReport,
  type Imported,
  type ImportedFile,
  type ImportedReport,
} from '../imported-entry.ts';
import { listIn, rowOf, textIn, type DocumentFormat, type Row } from '../import-format.ts';
import { startReport } from '../reports.ts';
import { faultIn, instantIn, keepable, leftOf, parsedInput, rest, roleIn } from '../row-fields.ts';
import { callReport, resultReport, ToolCallIds } from '../tool-calls.ts';

const TOOL_BLOCKS: readonly unknown[] = [
  'tool_use',
  'tool_result',
  'server_tool_use',
  'mcp_tool_use',
];

/** Texts that were pasted or extracted from uploads; what of an attachment is elsewhere, beside. */
function readAttachments(attachments: readonly unknown[]): {
  readonly files: readonly ImportedFile[];
  readonly others: readonly Row[];
} {
  const files: ImportedFile[] = [];
  const others: Row[] = [];
  for (const value of attachments) {
    const row = rowOf(value) ?? { value };
    const text = textIn(row.extracted_content);
    if (text === undefined) {
      others.push(row);
      continue;
    }
    const type = isMediaType(row.file_type) ? row.file_type : 'text/plain';
    files.push(fileOf(Buffer.from(text), type, row.file_name));
    const left = rest(
      row,
      'extracted_content',
      'file_name',
      ...(type === row.file_type ? ['file_type'] : []),
    );
    if (Object.keys(left).length > 0) others.push(left);
  }
  return { files, others };
}

/** One conversation of an export. */
class ClaudeConversation {
  readonly #sessionId: string;
  readonly #user: string;
  readonly #calls = new ToolCallIds();
  /** Calls without an id of their own, by the tool's name, that wait for a result. */
  readonly #unnamed: { readonly tool: unknown; readonly callId: string }[] = [];
  readonly #known = new Map<string, string>();

  constructor(sessionId: string, user: string) {
    this.#sessionId = sessionId;
    this.#user = user;
  }

  *message(value: unknown, index: number): Generator<Imported> {
    const row = rowOf(value);
    const fault = row ? faultIn(row) : 'is no object';
    if (!row || fault !== undefined) {
      yield { unreadable: `message ${index} ${fault}` };
    } else {
      const name = textIn(row.uuid) ?? `message-${index}`;
      const text = JSON.stringify(row);
      if (this.#known.get(name) === text) return;
      const messageId = this.#known.has(name) ? idFrom(`${name} ${index}`) : idFrom(name);
      this.#known.set(name, text);
      yield* this.#entries(row, messageId);
    }
  }

  *#entries(row: Row, messageId: string): Generator<Imported> {
    const blocks = listIn(row.content);
    const isTool = (block: unknown): boolean => TOOL_BLOCKS.includes(rowOf(block)?.type);
    const thoughts = blocks.filter((block) => textIn(rowOf(block)?.thinking) !== undefined);
    const said = readContent(
      Array.isArray(row.content)
        ? blocks.filter((block) => !isTool(block) && !thoughts.includes(block))
        : row.content,
    );
    const occurredAt = instantIn(row.created_at);
    yield this.#posted(row, messageId, said, thoughts, occurredAt);
    for (const [nth, value] of blocks.entries()) {
      const block = rowOf(value);
      if (!block || !isTool(block)) continue;
      const key = `${messageId} ${nth}`;
      yield block.type === 'tool_result'
        ? this.#result(block, key, occurredAt)
        : this.#call(block, key, messageId, occurredAt);
    }
  }

  #posted(
    row: Row,
    messageId: string,
    said: ReadContent,
    thoughts: readonly unknown[],
    occurredAt: string | undefined,
  ): Imported {
    const { role, source } = roleIn(row.sender) ?? { role: 'system', source: 'system' };
    const attached = readAttachments(listIn(row.attachments));
    const model = textIn(row.model);
    const content = said.text === '' ? (textIn(row.text) ?? '') : said.text;
    const report = messageReport({
      messageId,
      role,
      source,
      author:
        source === 'agent'
          ? { participantId: 'claude', kind: 'agent', name: 'Claude', agentType: 'claude' }
          : source === 'user'
            ? { participantId: this.#user, kind: 'user' }
            : { participantId: source, kind: 'orchestrator' },
      content,
      model,
      extra: {
        ...leftOf(row, {
          uuid: textIn(row.uuid),
          sender: roleIn(row.sender),
          text: row.text === content || undefined,
          content: true,
          attachments: Array.isArray(row.attachments) || undefined,
          created_at: occurredAt,
          model,
        }),
        ...rest({ thinking: thoughts, parts: said.others, attached: attached.others }),
      },
    });
    const files = [...said.files, ...attached.files];
    return entryOf(this.#sessionId, `message ${messageId}`, report, { occurredAt, files });
  }

  #call(block: Row, key: string, messageId: string, at: string | undefined): Imported {
    const callId = this.#calls.begin(block.id, `call ${key}`);
    if (textIn(block.id) === undefined) {
      this.#unnamed.push({ tool: block.name, callId });
    }
    const report = callReport({
      callId,
      tool: block.name,
      input: parsedInput(block.input),
      messageId,
      participantId: 'claude',
      extra: {
        ...leftOf(block, {
          type: block.type === 'tool_use' || undefined,
          id: textIn(block.id),
          name: textIn(block.name),
          input: true,
        }),
      },
    });
    const occurredAt = instantIn(block.start_timestamp) ?? at;
    return entryOf(this.#sessionId, `call ${key}`, report, { occurredAt });
  }

  /** The result of the call it names, or of the first of the same tool that waits for one. */
  #result(block: Row, key: string, at: string | undefined): Imported {
    const unnamed = this.#unnamed.findIndex(({ tool }) => tool === block.name);
    const callId =
      this.#calls.answered(block.tool_use_id) ??
      (unnamed < 0 ? undefined : this.#unnamed.splice(unnamed, 1)[0]?.callId) ??
      this.#calls.answered(`result ${key}`) ??
      idOfText(key);
    const { text, files, others } = readContent(block.content);
    const report = resultReport({
      callId,
      text,
      isFailed: block.is_error === true,
      extra: {
        ...leftOf(block, {
          type: true,
          tool_use_id: textIn(block.tool_use_id) === callId || undefined,
          content: true,
          is_error: typeof block.is_error === 'boolean' || undefined,
        }),
        ...(others.length > 0 && { content: others }),
      },
    });
    const occurredAt = instantIn(block.stop_timestamp) ?? instantIn(block.start_timestamp) ?? at;
    return entryOf(this.#sessionId, `result ${key}`, report, { occurredAt, files });
  }
}

/** Who the export is of, where it says. */
const userOf = (conversation: Row): string => {
  const uuid = textIn(rowOf(conversation.account)?.uuid);
  return uuid === undefined ? 'user' : idFrom(uuid);
};

function startOf(row: Row): ImportedReport {
  const account = rowOf(row.account);
  const user = textIn(account?.full_name) ?? textIn(account?.name);
  const [name, model] = [textIn(row.name), textIn(row.model)];
  const extra = leftOf(row, { uuid: textIn(row.uuid), name, model });
  return startReport({ name, model, extra }, [
    ...(account
      ? [{ participantId: userOf(row), kind: 'user' as const, ...(user && { name: user }) }]
      : []),
    { participantId: 'claude', kind: 'agent', name: 'Claude', agentType: 'claude' },
  ]);
}

const isConversation = (value: unknown): boolean => Array.isArray(rowOf(value)?.chat_messages);

/**
 * Conversations as claude.ai exports them (`conversations.json` of an account's data, or one
 * conversation), a session each. There is no published description: built to how several programs
 * that read such exports describe them; untested on real files.
 */
export const claudeAi: DocumentFormat = {
  name: 'claude.ai export',
  detects: (value) => (Array.isArray(value) ? value.some(isConversation) : isConversation(value)),
  *read(value, file) {
    const conversations: unknown[] = Array.isArray(value) ? value : [value];
    for (const [index, conversation] of conversations.entries()) {
      const { chat_messages, ...fields } = rowOf(conversation) ?? {};
      if (!Array.isArray(chat_messages)) {
        yield { unreadable: `conversation ${index} has no chat_messages` };
        continue;
      }
      const { row, faults } = keepable(fields);
      for (const fault of faults) yield { unreadable: fault };
      const uuid = textIn(row.uuid);
      const sessionId = uuid
        ? idFrom(uuid)
        : idOfText(JSON.stringify(['claude.ai', file.name, index, row.created_at]));
      const occurredAt = instantIn(row.created_at);
      yield entryOf(sessionId, 'start', startOf(row), { occurredAt });
      const session = new ClaudeConversation(sessionId, userOf(row));
      for (const [nth, message] of chat_messages.entries()) yield* session.message(message, nth);
    }
  },
};
