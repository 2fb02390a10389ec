import { isInstant } from '@playhead/contract';
import type { DeclaredParticipant } from '../../commands/command-handler.ts';
import { countIn, rowOf, textIn, type LineFormat, type Row } from '../import-format.ts';
import { entryOf, idFrom, idOfText, messageReport, type Imported } from '../imported-entry.ts';
import { contentOf, type Content, type ToolResult } from './claude-code-content.ts';
import { TurnUsage } from './turn-usage.ts';

/** Rows that may come before the first that names its session. */
const PENDING_ROWS_MAX = 1_000;
/** Prompts remembered, to see that another one takes the place of an earlier. */
const PROMPTS_MAX = 10_000;

/** What nearly every row repeats: said once, and again when it changes. */
const ENVIRONMENT = ['cwd', 'version', 'gitBranch', 'userType', 'entrypoint'] as const;

const USER: DeclaredParticipant = { participantId: 'user', kind: 'user', name: 'User' };
const CLAUDE: DeclaredParticipant = {
  ...{ participantId: 'claude', kind: 'agent', agentType: 'claude', name: 'Claude' },
};

/**
 * Transcripts of Claude Code, `~/.claude/projects/<folder>/<session>.jsonl`: a row for each message
 * or block of one, tool results as rows of the user, and rows about the session. The rows of a
 * sub-agent, in the same file or in one beside it, name the session of their parent and belong to
 * it. There is no published description; this follows the files in `../shared/data`.
 */
export const claudeCode: LineFormat = {
  name: 'Claude Code transcript',
  detects(value) {
    const row = rowOf(value);
    if (!row) return false;
    const isOfSession = textIn(row['sessionId']) !== undefined && 'type' in row;
    const { type } = row;
    if (type === 'summary') return 'leafUuid' in row;
    return (type === 'user' || type === 'assistant') && ('uuid' in row || isOfSession);
  },
  open: ({ name }) => new Transcript(name),
};

interface Pending {
  readonly row: Row;
  readonly text: string;
}

class Transcript {
  readonly #usage = new TurnUsage();
  readonly #prompts = new Map<string, string>();
  readonly #started = new Set<string>();
  #environment = new Map<string, string>();
  /** Rows without a session of their own belong to that of the row before. */
  #sessionId: string | undefined;
  /** When the last row was written that says when; those that do not came right after it. */
  #at: string | undefined;
  #pending: Pending[] = [];

  constructor(private readonly name: string) {}

  *line(value: unknown, text: string): Iterable<Imported> {
    const row = rowOf(value);
    if (!row) {
      yield { unreadable: `no row: ${text.slice(0, 60)}` };
      return;
    }
    const own = textIn(row['sessionId']);
    if (own === undefined && this.#sessionId === undefined) {
      this.#pending.push({ row, text });
      if (this.#pending.length >= PENDING_ROWS_MAX) yield* this.#settle(this.#derivedId());
      return;
    }
    if (own !== undefined) yield* this.#settle(idFrom(own));
    yield* this.#row(row, text);
  }

  *end(): Iterable<Imported> {
    if (this.#pending.length > 0) yield* this.#settle(this.#derivedId());
  }

  /** Of a file that names no session: a longer version of it has the same. */
  #derivedId(): string {
    return idOfText(JSON.stringify(['claude-code', this.name, this.#pending[0]?.text]));
  }

  *#settle(sessionId: string): Iterable<Imported> {
    this.#sessionId = sessionId;
    const pending = this.#pending;
    this.#pending = [];
    for (const { row, text } of pending) yield* this.#row(row, text);
  }

  *#row(row: Row, text: string): Iterable<Imported> {
    const sessionId = this.#sessionId as string;
    const { type } = row;
    this.#at = timeOf(row) ?? this.#at;
    const message = rowOf(row['message']);
    const isMessage = (type === 'user' || type === 'assistant') && message !== undefined;
    if ((type === 'user' || type === 'assistant') && !message) {
      yield { unreadable: `a row of type ${type} without a message` };
      return;
    }
    if (typeof type !== 'string') {
      yield { unreadable: `a row without a type: ${text.slice(0, 60)}` };
      return;
    }
    const content = isMessage ? contentOf(message['content']) : undefined;
    if (content && 'unreadable' in content) {
      yield content;
      return;
    }
    yield* this.#start(sessionId, row, content);
    if (message && content) yield* this.#message(sessionId, row, message, content, idOfText(text));
    else yield this.#other(sessionId, type, row, idOfText(text));
  }

  *#start(sessionId: string, row: Row, content: Content | undefined): Iterable<Imported> {
    if (this.#started.has(sessionId)) return;
    this.#started.add(sessionId);
    const isPrompt = row['type'] === 'user' && row['isSidechain'] !== true && content?.text !== '';
    const prompt = isPrompt ? content?.text : undefined;
    yield entryOf(
      sessionId,
      'start',
      {
        type: 'report-start',
        start: { mode: 'claude-code', ...(prompt !== undefined && { prompt }) },
        participants: [USER, CLAUDE],
      },
      { occurredAt: timeOf(row) },
    );
  }

  *#message(
    sessionId: string,
    row: Row,
    message: Row,
    content: Content,
    key: string,
  ): Iterable<Imported> {
    const occurredAt = timeOf(row);
    const messageId = idFrom(textIn(row['uuid']) ?? key);
    const usage =
      'forkedFrom' in row ? undefined : this.#usage.turn(message['id'], message['usage']);
    const hasMessage =
      content.text !== '' ||
      content.thinking.length > 0 ||
      content.files.length > 0 ||
      usage !== undefined ||
      (content.calls.length === 0 && content.results.length === 0);
    if (hasMessage) {
      const report = messageReport({
        messageId,
        ...this.#speaker(row, message),
        content: content.text,
        model: textIn(message['model']),
        usage,
        costNano: nano(row['costUSD']),
        durationMs: countIn(row['durationMs']),
        extra: this.#extra(row, message, content),
      });
      yield entryOf(sessionId, key, report, { occurredAt, files: content.files });
    }
    const author = authorOf(row);
    for (const call of content.calls) {
      const { extra, ...rest } = call;
      const more = { ...extra, ...(row['isSidechain'] === true && { isSidechain: true }) };
      const called = {
        ...rest,
        ...(hasMessage && { messageId }),
        participantId: author.participantId,
        ...(Object.keys(more).length > 0 && { extra: more }),
      };
      const report = { type: 'report-tool-call', call: called } as const;
      yield entryOf(sessionId, `call ${call.callId}`, report, { occurredAt });
    }
    for (const result of content.results) {
      yield resultEntry(sessionId, result, row, occurredAt);
    }
  }

  #speaker(row: Row, message: Row) {
    const author = authorOf(row);
    if (row['type'] === 'assistant') return { role: 'assistant', source: 'agent', author } as const;
    // What a sub-agent is asked comes from the agent that it works for.
    if (row['isSidechain'] === true) {
      return { role: 'user', source: 'agent', author: CLAUDE } as const;
    }
    const role = message['role'] === 'system' ? 'system' : 'user';
    return { role, source: row['isMeta'] === true ? 'system' : 'user', author } as const;
  }

  #extra(row: Row, message: Row, { thinking, blocks }: Content): Record<string, unknown> {
    const { uuid, sessionId, type, timestamp, costUSD, durationMs, ...rest } = row;
    const { message: _, toolUseResult, parentUuid, isSidechain, ...fields } = rest;
    const { role, content, model, usage, type: kind, ...inMessage } = message;
    const said = this.#changed(fields);
    const edited = this.#edits(row);
    return {
      ...said,
      ...(typeof parentUuid === 'string' && { parentUuid }),
      ...(isSidechain === true && { isSidechain }),
      ...(timestamp !== undefined && timeOf(row) === undefined && { timestamp }),
      ...(Object.keys(inMessage).length > 0 && { message: inMessage }),
      ...(thinking.length > 0 && { thinking }),
      ...(blocks.length > 0 && { blocks }),
      ...(edited !== undefined && { edits: edited }),
    };
  }

  #changed(fields: Row): Record<string, unknown> {
    const said: Record<string, unknown> = { ...fields };
    for (const name of ENVIRONMENT) {
      if (!(name in fields)) continue;
      const now = JSON.stringify(fields[name]);
      if (this.#environment.get(name) === now) delete said[name];
      this.#environment.set(name, now);
    }
    return said;
  }

  /** The prompt that this one took the place of: both follow the same row. */
  #edits(row: Row): string | undefined {
    const [uuid, parent] = [textIn(row['uuid']), textIn(row['parentUuid'])];
    if (row['type'] !== 'user' || row['isMeta'] === true || !uuid || !parent) return undefined;
    const earlier = this.#prompts.get(parent);
    this.#prompts.set(parent, uuid);
    const [oldest] = this.#prompts.keys();
    if (this.#prompts.size > PROMPTS_MAX && oldest !== undefined) this.#prompts.delete(oldest);
    return earlier === uuid ? undefined : earlier;
  }

  #other(sessionId: string, type: string, row: Row, key: string): Imported {
    const occurredAt = this.#at;
    const title = textIn(row['summary']) ?? textIn(row['customTitle']) ?? textIn(row['aiTitle']);
    if (title !== undefined && ['summary', 'custom-title', 'ai-title'].includes(type)) {
      return entryOf(sessionId, key, { type: 'report-name', name: title }, { occurredAt });
    }
    const content = textIn(row['content']);
    if (type !== 'system' || content === undefined) {
      const note = { kind: `claude-code ${type}`, extra: { ...row } };
      return entryOf(sessionId, key, { type: 'report-note', note }, { occurredAt });
    }
    const report = messageReport({
      messageId: idFrom(textIn(row['uuid']) ?? key),
      ...{ role: 'system', source: 'system', author: CLAUDE, content },
      extra: this.#extra(
        row,
        {},
        { text: '', thinking: [], blocks: [], files: [], calls: [], results: [] },
      ),
    });
    return entryOf(sessionId, key, report, { occurredAt });
  }
}

function resultEntry(
  sessionId: string,
  { callId, isError, text, files }: ToolResult,
  row: Row,
  occurredAt: string | undefined,
): Imported {
  const { toolUseResult } = row;
  // Usually it is the text once more; what says more is kept.
  const says = toolUseResult === undefined || toolUseResult === text ? {} : { toolUseResult };
  const outcome = isError ? 'failed' : 'finished';
  return entryOf(
    sessionId,
    `result ${callId}`,
    {
      type: 'report-tool-result',
      ...(text !== '' && { output: { callId, text } }),
      finish: { callId, outcome, ...(Object.keys(says).length > 0 && { extra: says }) },
    },
    { occurredAt, files },
  );
}

function authorOf(row: Row): DeclaredParticipant {
  if (row['isSidechain'] === true) {
    const agent = textIn(row['agentId']);
    return {
      participantId: idFrom(agent === undefined ? 'subagent' : `subagent:${agent}`),
      ...{ kind: 'agent', agentType: 'claude', name: 'Subagent' },
    };
  }
  return row['type'] === 'assistant' ? CLAUDE : USER;
}

const timeOf = ({ timestamp }: Row): string | undefined =>
  typeof timestamp === 'string' && isInstant(timestamp) ? timestamp : undefined;

const nano = (dollars: unknown): number | undefined =>
  typeof dollars === 'number' && dollars >= 0 && dollars < 1e6
    ? Math.round(dollars * 1e9)
    : undefined;
