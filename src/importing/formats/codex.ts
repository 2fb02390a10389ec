import { entryOf, idFrom, idOfText, type Imported } from '../imported-entry.ts';
import {
  rowOf,
  textIn,
  type FileContext,
  type LineFormat,
  type LineReader,
  type Row,
} from '../import-format.ts';
import { noteReport, startReport } from '../reports.ts';
import { faultIn, instantIn, leftOf, rest } from '../row-fields.ts';
import { CodexFork } from './codex-fork.ts';
import { CodexItems } from './codex-items.ts';
import { CodexUsage } from './codex-usage.ts';

const ITEM_TYPES: ReadonlySet<unknown> = new Set([
  ...['message', 'reasoning', 'function_call', 'function_call_output', 'local_shell_call'],
  ...['custom_tool_call', 'custom_tool_call_output', 'web_search_call', 'tool_search_call'],
  ...['tool_search_output', 'image_generation_call', 'agent_message', 'compaction'],
  ...['context_compaction', 'ghost_snapshot', 'additional_tools'],
]);

const ENVELOPES: ReadonlySet<unknown> = new Set([
  ...['session_meta', 'response_item', 'event_msg', 'turn_context', 'compacted'],
]);

/** The first line of an older rollout: the session itself, in no envelope. */
const isBareHeader = (row: Row): boolean =>
  !('type' in row) && typeof row.id === 'string' && instantIn(row.timestamp) !== undefined;

/** The id at the end of `rollout-<time>-<id>.jsonl`. */
const idInName = (name: string): string | undefined =>
  /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[^/]*$/i.exec(name)?.[1];

/** Lines whose repeats are recognised; of one further back, the ids of what it reports tell. */
const RECENT_MAX = 10_000;

/** Reads one rollout. Keeps of each line no more than what tells repeats apart. */
class CodexReader implements LineReader {
  readonly #file: FileContext;
  #lines = 0;
  #sessionId: string | undefined;
  #items: CodexItems | undefined;
  readonly #usage = new CodexUsage();
  readonly #recent = new Set<string>();
  #fork: CodexFork | undefined;
  #model: string | undefined;

  constructor(file: FileContext) {
    this.#file = file;
  }

  *line(value: unknown, text: string): Generator<Imported> {
    const nth = this.#lines;
    this.#lines += 1;
    const row = rowOf(value);
    const fault = row ? faultIn(row) : 'is no object';
    if (!row || fault !== undefined) {
      yield { unreadable: `the line ${fault}` };
    } else if (textIn(row.type) !== undefined && rowOf(row.payload)) {
      const key = idOfText(text);
      if (!this.#isKnown(key)) yield* this.#enveloped(row, rowOf(row.payload) ?? {}, key);
    } else if (isBareHeader(row)) {
      yield* this.#meta(row, row, `line ${nth}`);
    } else if (ITEM_TYPES.has(row.type)) {
      yield* this.#started();
      yield* this.#itemsOf().item(row, `line ${nth}`, instantIn(row.timestamp));
    } else {
      yield* this.#started();
      yield this.#note(textIn(row.type) ?? textIn(row.record_type) ?? 'line', row, nth);
    }
  }

  /** The same line again, to the millisecond, is the same event written twice. */
  #isKnown(key: string): boolean {
    if (this.#recent.has(key)) return true;
    this.#recent.add(key);
    const [oldest] = this.#recent;
    if (this.#recent.size > RECENT_MAX && oldest !== undefined) this.#recent.delete(oldest);
    return false;
  }

  *end(): Generator<Imported> {
    yield* [];
  }

  *#enveloped(row: Row, payload: Row, key: string): Generator<Imported> {
    const at = instantIn(row.timestamp);
    const more = rest(row, 'timestamp', 'type', 'payload', 'ordinal');
    const extra = at === undefined ? { ...more, ...rest({ timestamp: row.timestamp }) } : more;
    if (row.type === 'session_meta') {
      yield* this.#meta(payload, { ...extra, ...payload }, key, at);
      return;
    }
    yield* this.#started();
    if (this.#fork?.isReplayed(row, payload)) {
      if (payload.type === 'token_count') this.#usage.skip(payload);
      yield this.#note('replayed', row, key, at);
      return;
    }
    switch (row.type) {
      case 'response_item':
        yield* this.#itemsOf().item(payload, key, at, extra);
        return;
      case 'event_msg':
        yield* this.#event(payload, key, at, extra);
        return;
      case 'turn_context':
        this.#model = textIn(payload.model) ?? this.#model;
        this.#itemsOf().model = this.#model;
        yield this.#note('turn_context', { ...extra, ...payload }, key, at);
        return;
      default:
        yield this.#note(textIn(row.type) ?? 'line', { ...extra, ...payload }, key, at);
    }
  }

  *#event(payload: Row, key: string, at: string | undefined, extra: Row): Generator<Imported> {
    if (payload.type === 'token_count') {
      const turn = this.#usage.turn(payload);
      yield turn
        ? this.#itemsOf().usage(turn, key, at, extra)
        : this.#note('token_count', { ...extra, ...payload }, key, at);
      return;
    }
    yield* this.#itemsOf().event(payload, key, at, extra);
  }

  /** The first one is the session's; further ones are those of a parent, or of going on later. */
  *#meta(meta: Row, extra: Row, key: string, at?: string): Generator<Imported> {
    const id = textIn(meta.id) ?? textIn(meta.session_id);
    if (this.#sessionId !== undefined) {
      if (id !== undefined && idFrom(id) !== this.#sessionId) this.#fork?.parentFound();
      yield this.#note('session_meta', extra, key, at);
      return;
    }
    const occurredAt = instantIn(meta.timestamp) ?? at;
    if (textIn(meta.forked_from_id)) this.#fork = new CodexFork(id, occurredAt);
    yield* this.#started(id, extra, occurredAt);
  }

  *#started(id?: string, meta: Row = {}, occurredAt?: string): Generator<Imported> {
    if (this.#sessionId !== undefined) return;
    const known = id ?? idInName(this.#file.name);
    this.#sessionId = known ? idFrom(known) : idOfText(JSON.stringify(['codex', this.#file.name]));
    this.#items = new CodexItems(this.#sessionId);
    const version = textIn(meta.cli_version);
    const extra = leftOf(meta, { timestamp: instantIn(meta.timestamp) });
    yield entryOf(
      this.#sessionId,
      'start',
      startReport({ extra }, [
        {
          participantId: 'codex',
          kind: 'agent',
          name: textIn(meta.agent_nickname) ?? 'Codex',
          agentType: 'codex',
          ...(version !== undefined && { cliVersion: version }),
        },
      ]),
      { occurredAt },
    );
  }

  #itemsOf(): CodexItems {
    this.#items ??= new CodexItems(this.#sessionId ?? '');
    return this.#items;
  }

  #note(kind: string, extra: Row, key: string | number, occurredAt?: string): Imported {
    const report = noteReport(kind, extra);
    return entryOf(this.#sessionId ?? '', `line ${key}`, report, { occurredAt });
  }
}

/**
 * A rollout of Codex (`rollout-*.jsonl`), in the envelopes of today or in the bare lines of before
 * September 2025. Built to the source of openai/codex (`codex-rs/protocol`, `codex-rs/rollout`) and
 * to what people have reported of such files; untested on real files. What each answer of the
 * model cost is a message without text, in its place: it comes in a line of its own, and may come
 * after an import of what was written so far.
 */
export const codex: LineFormat = {
  name: 'Codex rollout',
  detects(value) {
    const row = rowOf(value);
    if (!row) return false;
    if (ENVELOPES.has(row.type)) return rowOf(row.payload) !== undefined;
    if (row.record_type === 'state') return true;
    if (isBareHeader(row)) return 'instructions' in row || 'git' in row;
    return ITEM_TYPES.has(row.type) && !('uuid' in row) && !('message' in row);
  },
  open: (file) => new CodexReader(file),
};
