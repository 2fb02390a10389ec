import { fileOfBase64, readContent, type ReadContent } from '../content-parts.ts';
import {
  entryOf,
  idFrom,
  idOfText,
  messageReport,
  type Imported,
  type ImportedFile,
} from '../imported-entry.ts';
import { listIn, rowOf, textIn, type Row } from '../import-format.ts';
import { noteReport } from '../reports.ts';
import { parsedInput, rest, roleIn, rowIn } from '../row-fields.ts';
import { callReport, resultReport, ToolCallIds } from '../tool-calls.ts';
import type { CodexTurn } from './codex-usage.ts';

/** So many messages wait for the line that says them again. */
const UNPAIRED_MAX = 200;

/** What Codex itself says to the model in the user's place. */
const INJECTED = new RegExp(
  '^\\s*(?:# AGENTS\\.md|' +
    '<(?:environment_context|user_instructions|turn_aborted|subagent_notification)\\b)',
);

/** A message that one of both kinds of lines has said: to the model, or to the screen. */
interface Said {
  readonly by: 'item' | 'event';
  readonly role: string;
  readonly texts: ReadonlySet<string>;
}

/** The messages and tool calls of one rollout. */
export class CodexItems {
  /** The model in use, as the last turn says. */
  model: string | undefined;
  readonly #sessionId: string;
  readonly #calls = new ToolCallIds();
  readonly #unpaired: Said[] = [];

  constructor(sessionId: string) {
    this.#sessionId = sessionId;
  }

  /** What the model was sent or has answered. */
  *item(row: Row, key: string, at: string | undefined, more: Row = {}): Generator<Imported> {
    const type = textIn(row.type) ?? 'item';
    const name = textIn(row.call_id) ?? textIn(row.id);
    if (type === 'message') {
      yield* this.#message(row, key, at, more);
    } else if (type.endsWith('_call')) {
      const callId = this.#calls.begin(name, `call ${key}`);
      yield this.#entry(`call ${key}`, callReport({ ...calledBy(row, type, more), callId }), at);
      // What the model's own provider ran has no line for its result.
      if (type === 'web_search_call' || type === 'image_generation_call') {
        yield* this.#providersResult(row, key, at, name ?? `call ${key}`);
      }
    } else if (type.endsWith('_output') && name !== undefined) {
      yield this.#result(row, key, at, more);
    } else {
      yield this.#entry(`line ${key}`, noteReport(type, { ...more, ...row }), at);
    }
  }

  /** What was shown on the screen; messages are there as items too. */
  *event(row: Row, key: string, at: string | undefined, more: Row): Generator<Imported> {
    const type = textIn(row.type) ?? 'event';
    const [text, name] = [textIn(row.message), textIn(row.thread_name)];
    if ((type === 'user_message' || type === 'agent_message') && text !== undefined) {
      const role = type === 'user_message' ? 'user' : 'assistant';
      const details = { ...more, ...rest(row, 'type', 'message', 'kind') };
      if (!this.#isRepeat('event', role, [text])) {
        yield this.#posted({ role, text, extra: details }, key, at);
      } else if (Object.keys(details).length > 0) {
        yield this.#entry(`line ${key}`, noteReport(type, details), at);
      }
    } else if (type === 'error' && text !== undefined) {
      const extra = { ...more, ...rest(row, 'type', 'message') };
      const error = { message: text, kind: 'codex', agentType: 'codex', extra };
      yield this.#entry(`error ${key}`, { type: 'report-error', error }, at);
    } else if (type === 'thread_name_updated' && name !== undefined) {
      yield this.#entry(`name ${key}`, { type: 'report-name', name }, at);
      const left = { ...more, ...rest(row, 'type', 'thread_name', 'thread_id') };
      if (Object.keys(left).length > 0) {
        yield this.#entry(`line ${key}`, noteReport(type, left), at);
      }
    } else {
      yield this.#entry(`line ${key}`, noteReport(type, { ...more, ...row }), at);
    }
  }

  /** What an answer of the model took, as a message without text. */
  usage(turn: CodexTurn, key: string, at: string | undefined, more: Row): Imported {
    const { usage, tokens, extra } = turn;
    const report = messageReport({
      ...codexAuthor(key),
      content: '',
      model: this.model,
      usage,
      tokens,
      extra: { kind: 'token_count', ...more, ...extra },
    });
    return this.#entry(`usage ${key}`, report, at);
  }

  *#message(row: Row, key: string, at: string | undefined, more: Row): Generator<Imported> {
    const read = readContent(row.content);
    const role = textIn(row.role) ?? 'unknown';
    const extra = {
      ...more,
      ...rest(row, 'type', 'role', 'content'),
      ...(roleIn(role) === undefined && rest({ role: row.role })),
      ...(read.others.length > 0 && { content: read.others }),
    };
    const texts = listIn(row.content).map((part) => readContent([part]).text);
    // What was on the screen has no files: with them, the item is the message.
    const isMore = read.files.length + read.others.length > 0;
    if (!this.#isRepeat('item', role, [read.text, ...texts.filter(Boolean)], isMore)) {
      yield this.#posted({ role, text: read.text, files: read.files, extra }, key, at);
    } else if (Object.keys(extra).length > 0) {
      yield this.#entry(`line ${key}`, noteReport('message', extra), at);
    }
  }

  #posted(
    message: {
      readonly role: string;
      readonly text: string;
      readonly files?: readonly ImportedFile[];
      readonly extra: Row;
    },
    key: string,
    at: string | undefined,
  ): Imported {
    const { role, source } = roleIn(message.role) ?? { role: 'system', source: 'system' };
    const isInjected = source === 'user' && INJECTED.test(message.text);
    const by = isInjected ? 'orchestrator' : source;
    const author =
      source === 'agent'
        ? codexAuthor(key)
        : {
            messageId: idFrom(key),
            role,
            source: by,
            author: {
              participantId: by,
              kind: by === 'user' ? ('user' as const) : ('orchestrator' as const),
            },
          };
    const report = messageReport({
      ...author,
      content: message.text,
      model: source === 'agent' ? this.model : undefined,
      extra: message.extra,
    });
    return this.#entry(`message ${key}`, report, at, message.files);
  }

  /** Whether the other kind of line has said this message; each saying answers one. */
  #isRepeat(by: Said['by'], role: string, said: readonly string[], isMore = false): boolean {
    const texts = said.map((text) => idOfText(text.trim()));
    const known = this.#unpaired.findIndex(
      (other) => other.by !== by && other.role === role && texts.some((id) => other.texts.has(id)),
    );
    if (known >= 0 && !isMore) {
      this.#unpaired.splice(known, 1);
      return true;
    }
    this.#unpaired.push({ by, role, texts: new Set(texts) });
    if (this.#unpaired.length > UNPAIRED_MAX) this.#unpaired.shift();
    return false;
  }

  *#providersResult(
    row: Row,
    key: string,
    at: string | undefined,
    name: string,
  ): Generator<Imported> {
    const status = textIn(row.status);
    if (status !== 'completed' && status !== 'failed' && status !== 'incomplete') return;
    const callId = this.#calls.answered(name);
    if (callId === undefined) return;
    const image = fileOfBase64(row.result, 'image/png');
    const report = resultReport({
      callId,
      isFailed: status !== 'completed',
      text: image ? undefined : textIn(row.result),
    });
    yield this.#entry(`result ${key}`, report, at, image && [image]);
  }

  #result(row: Row, key: string, at: string | undefined, more: Row): Imported {
    const extra = { ...more, ...rest(row, 'type', 'call_id', 'output', 'success') };
    const { files, others, ...read } = readOutput(row.output);
    const callId = this.#calls.answered(row.call_id);
    if (callId === undefined) {
      return this.#entry(
        `line ${key}`,
        noteReport(textIn(row.type) ?? 'output', { ...more, ...row }),
        at,
      );
    }
    const report = resultReport({
      ...read,
      callId,
      isFailed: (row.success ?? read.success) === false ? true : undefined,
      extra: { ...extra, ...read.extra, ...(others.length > 0 && { content: others }) },
    });
    return this.#entry(`result ${key}`, report, at, files);
  }

  #entry(
    key: string,
    report: Parameters<typeof entryOf>[2],
    occurredAt: string | undefined,
    files?: readonly ImportedFile[],
  ): Imported {
    return entryOf(this.#sessionId, key, report, { occurredAt, files });
  }
}

const codexAuthor = (key: string) => ({
  messageId: idFrom(key),
  role: 'assistant' as const,
  source: 'agent' as const,
  author: { participantId: 'codex', kind: 'agent' as const, agentType: 'codex' },
});

/** Whose call, of which tool, with what. */
function calledBy(row: Row, type: string, more: Row) {
  const tools: Readonly<Record<string, string>> = {
    local_shell_call: 'shell',
    web_search_call: 'web_search',
    image_generation_call: 'image_generation',
    tool_search_call: 'tool_search',
  };
  return {
    participantId: 'codex',
    tool: row.name ?? tools[type],
    input: parsedInput(row.arguments ?? row.input ?? row.action ?? row.revised_prompt),
    extra: {
      ...more,
      ...rest(row, 'type', 'name', 'call_id', 'result', 'arguments', 'input', 'action'),
    },
  };
}

/** How a shell's output begins, in versions that give it as a text. */
const EXIT = /^(?:Exit code:|.{0,200}?\nProcess exited with code) (-?\d{1,10})$/ms;
const WALL_TIME = /^Wall time: (\d{1,9}(?:\.\d{1,9})?) seconds$/m;
const HEAD_LENGTH = 400;

/** What a tool has put out: a text, a text of JSON with text and exit code, or parts. */
function readOutput(output: unknown): ReadContent & {
  readonly exitCode?: unknown;
  readonly durationMs?: number | undefined;
  readonly success?: unknown;
  readonly extra?: Row;
} {
  const row = rowIn(output);
  if (row && (typeof row.output === 'string' || rowOf(row.metadata))) {
    const { exit_code, duration_seconds, ...metadata } = rowOf(row.metadata) ?? {};
    return {
      ...readContent(row.output),
      exitCode: exit_code,
      durationMs: typeof duration_seconds === 'number' ? duration_seconds * 1000 : undefined,
      extra: { ...rest(row, 'output', 'metadata'), ...rest({ metadata }) },
    };
  }
  const given = rowOf(output);
  if (given && 'content' in given) {
    return {
      ...readContent(given.content_items ?? given.content),
      success: given.success,
      extra: rest(given, 'content', 'content_items', 'success'),
    };
  }
  const read = readContent(output);
  const head = read.text.slice(0, HEAD_LENGTH);
  const exit = EXIT.exec(head)?.[1];
  const seconds = WALL_TIME.exec(head)?.[1];
  return {
    ...read,
    exitCode: exit === undefined ? undefined : Number(exit),
    durationMs: seconds === undefined ? undefined : Number(seconds) * 1000,
  };
}
