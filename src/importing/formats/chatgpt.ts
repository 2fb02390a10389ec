import {
  entryOf,
  idFrom,
  idOfText,
  messageReport,
  type Imported,
  type ImportedReport,
} from '../imported-entry.ts';
import { rowOf, textIn, type DocumentFormat, type Row } from '../import-format.ts';
import { noteReport, startReport } from '../reports.ts';
import {
  faultIn,
  instantOfSeconds,
  keepable,
  leftOf,
  parsedInput,
  rest,
  roleIn,
} from '../row-fields.ts';
import { callReport, resultReport, ToolCallIds } from '../tool-calls.ts';
import { treeOrder, type TreeNode } from './chatgpt-tree.ts';

/** A message's content: its text, and fields that are no part of it. */
interface Said {
  readonly text: string;
  readonly others: Row;
}

/** Texts of a content, in the order in which they are shown. */
const TEXT_FIELDS = ['text', 'result', 'content', 'user_profile', 'user_instructions'];

function readSaid(content: Row): Said {
  if (Array.isArray(content.parts)) {
    const texts: string[] = [];
    const parts: Row[] = [];
    for (const [index, value] of (content.parts as unknown[]).entries()) {
      const row = rowOf(value);
      const text = typeof value === 'string' ? value : row?.text;
      if (typeof text === 'string') texts.push(text);
      const left = row ? rest(row, ...(typeof text === 'string' ? ['text'] : [])) : undefined;
      if (typeof value !== 'string') parts.push({ index, ...(left ?? { value }) });
    }
    const text = texts.filter((one) => one !== '').join('\n');
    return { text, others: { ...rest(content, 'content_type', 'parts'), ...rest({ parts }) } };
  }
  const texts = TEXT_FIELDS.filter((name) => textIn(content[name]) !== undefined);
  return {
    text: texts.map((name) => content[name]).join('\n\n'),
    others: {
      ...rest(content, 'content_type', ...texts),
      ...(content.parts !== undefined && rest({ parts: content.parts })),
    },
  };
}

/** Content that the model keeps to itself. */
const THOUGHTS = new Set(['thoughts', 'reasoning_recap']);

/** One conversation of an export. */
class ChatGptConversation {
  readonly #sessionId: string;
  readonly #calls = new ToolCallIds();
  /** The call that the last node on the way here has made, by node. */
  readonly #calledAt = new Map<string, string>();

  constructor(sessionId: string) {
    this.#sessionId = sessionId;
  }

  node(node: TreeNode): Imported | undefined {
    const message = rowOf(node.row.message);
    const open = node.parent === undefined ? undefined : this.#calledAt.get(node.parent);
    if (!message) {
      if (open !== undefined) this.#calledAt.set(node.id, open);
      if ((node.row.message ?? undefined) === undefined) return this.#bare(node);
      return { unreadable: `node ${node.id} holds a message that is no object` };
    }
    const fault = faultIn(node.row);
    if (fault !== undefined) return { unreadable: `node ${node.id} ${fault}` };
    const content = rowOf(message.content) ?? {};
    const said = readSaid(content);
    const type = textIn(content.content_type);
    const extra = extraFields(message, node, said, type);
    const author = rowOf(message.author) ?? {};
    if (author.role === 'assistant' && isToTool(message)) {
      return this.#call(message, node, said, extra);
    }
    if (author.role === 'tool') return this.#result(message, node, said, extra, open);
    if ((type !== undefined && THOUGHTS.has(type)) || (said.text === '' && !hasParts(said))) {
      if (open !== undefined) this.#calledAt.set(node.id, open);
      return this.#entry(
        node,
        message,
        noteReport(type ?? 'message', said.text === '' ? extra : { text: said.text, ...extra }),
      );
    }
    return this.#posted(message, node, said, extra);
  }

  /** A node that holds no message, as the root, is nothing but its place in the tree. */
  #bare(node: TreeNode): Imported | undefined {
    const left = leftOfNode(node);
    const fault = faultIn(left);
    if (fault !== undefined) return { unreadable: `node ${node.id} ${fault}` };
    if (Object.keys(left).length === 0) return undefined;
    return this.#entry(node, {}, noteReport('node', left));
  }

  #posted(message: Row, node: TreeNode, said: Said, extra: Row): Imported {
    const author = rowOf(message.author) ?? {};
    const { role, source } = roleIn(author.role) ?? { role: 'system', source: 'system' };
    const name = textIn(author.name);
    const report = messageReport({
      messageId: idFrom(node.id),
      role,
      source,
      author:
        source === 'agent'
          ? {
              participantId: 'chatgpt',
              kind: 'agent',
              name: name ?? 'ChatGPT',
              agentType: 'chatgpt',
            }
          : {
              participantId: source,
              kind: source === 'user' ? 'user' : 'orchestrator',
              ...(name !== undefined && { name }),
            },
      content: said.text,
      model: source === 'agent' ? textIn(rowOf(message.metadata)?.model_slug) : undefined,
      extra,
    });
    return this.#entry(node, message, report);
  }

  #call(message: Row, node: TreeNode, said: Said, extra: Row): Imported {
    const callId = this.#calls.begin(node.id, node.id);
    this.#calledAt.set(node.id, callId);
    const report = callReport({
      callId,
      tool: message.recipient,
      input: parsedInput(said.text),
      participantId: 'chatgpt',
      extra,
    });
    return this.#entry(node, message, report);
  }

  /** What a tool says is the result of the call before it; what it says then is a message. */
  #result(
    message: Row,
    node: TreeNode,
    said: Said,
    extra: Row,
    open: string | undefined,
  ): Imported {
    const callId = open === undefined ? undefined : this.#calls.answered(open);
    if (open === undefined || callId === undefined) {
      if (open !== undefined) this.#calledAt.set(node.id, open);
      return this.#posted(message, node, said, extra);
    }
    this.#calledAt.set(node.id, open);
    const name = textIn(rowOf(message.author)?.name);
    const report = resultReport({
      callId: open,
      text: said.text,
      isFailed: rowOf(message.content)?.content_type === 'system_error',
      extra: { ...extra, ...rest({ name }) },
    });
    return this.#entry(node, message, report);
  }

  #entry(node: TreeNode, message: Row, report: ImportedReport): Imported {
    const occurredAt = instantOfSeconds(message.create_time);
    return entryOf(this.#sessionId, `node ${node.id}`, report, { occurredAt });
  }
}

const isToTool = (message: Row): boolean =>
  textIn(message.recipient) !== undefined && message.recipient !== 'all';

const hasParts = ({ others }: Said): boolean => Object.keys(others).length > 0;

/** Everything of a message that has no place of its own. */
function extraFields(message: Row, node: TreeNode, said: Said, type: string | undefined): Row {
  const [author, content] = [rowOf(message.author), rowOf(message.content)];
  return {
    ...leftOf(message, {
      id: message.id === node.id || undefined,
      author,
      content,
      create_time: instantOfSeconds(message.create_time),
      recipient: message.recipient === 'all' || undefined,
      weight: message.weight === 1 || undefined,
    }),
    ...rest({ author: leftOf(author ?? {}, { role: roleIn(author?.role) }) }),
    ...(content && rest({ content: said.others })),
    ...rest({ contentType: type === 'text' ? undefined : type, node: leftOfNode(node) }),
    ...(node.isBranch && { branch: true, parent: node.parent ?? null }),
  };
}

const leftOfNode = ({ id, row }: TreeNode): Row =>
  leftOf(row, { id: row.id === id || undefined, message: true });

const isConversation = (value: unknown): boolean => rowOf(rowOf(value)?.mapping) !== undefined;

function startOf(row: Row): ImportedReport {
  const [name, model] = [textIn(row.title), textIn(row.default_model_slug)];
  const extra = leftOf(row, {
    title: name,
    default_model_slug: model,
    conversation_id: textIn(row.conversation_id),
  });
  return startReport({ name, model, extra }, [
    { participantId: 'chatgpt', kind: 'agent', name: 'ChatGPT', agentType: 'chatgpt' },
  ]);
}

/**
 * Conversations as ChatGPT exports them (`conversations.json` of an account's data, or one
 * conversation), a session each, ordered by the tree: the branch that ends in `current_node` first,
 * the others marked `branch`. There is no published description: built to how several programs
 * that read such exports describe them; untested on real files.
 */
export const chatGpt: DocumentFormat = {
  name: 'ChatGPT export',
  detects: (value) => (Array.isArray(value) ? value.some(isConversation) : isConversation(value)),
  *read(value, file) {
    const conversations: unknown[] = Array.isArray(value) ? value : [value];
    for (const [index, conversation] of conversations.entries()) {
      const { mapping, ...fields } = rowOf(conversation) ?? {};
      const nodes = rowOf(mapping);
      if (!nodes) {
        yield { unreadable: `conversation ${index} has no mapping` };
        continue;
      }
      const { row, faults } = keepable(fields);
      for (const fault of faults) yield { unreadable: fault };
      const id = textIn(row.conversation_id) ?? textIn(row.id);
      const sessionId = id
        ? idFrom(id)
        : idOfText(JSON.stringify(['chatgpt', file.name, index, row.create_time]));
      const occurredAt = instantOfSeconds(row.create_time);
      yield entryOf(sessionId, 'start', startOf(row), { occurredAt });
      const session = new ChatGptConversation(sessionId);
      for (const node of treeOrder(nodes, row.current_node)) {
        const entry = session.node(node);
        if (entry) yield entry;
      }
    }
  },
};
