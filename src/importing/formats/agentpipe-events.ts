import { cliEvent } from '../agentpipe/agentpipe-schema.ts';
import { reported } from '../agentpipe/reported-commands.ts';
import { idFrom, idOfText, type Imported, type ImportedReport } from '../imported-entry.ts';
import { rowOf, textIn, type LineFormat, type LineReader } from '../import-format.ts';

/** Rows before the first of a conversation, as the CLI's greeting. */
const PENDING_ROWS_MAX = 1_000;

const TYPES = /^(?:conversation|message|bridge|log)\.[a-z]+$/;

/**
 * Events of the AgentPipe CLI: the files in `~/.agentpipe/events`, and what `run --json` prints,
 * which has lines of the CLI's log between them. Each line is the body that the CLI posts to
 * `/api/ingest`, and is known by it: what came there already is not imported again.
 */
export const agentpipeEvents: LineFormat = {
  name: 'AgentPipe events',
  detects(value) {
    const row = rowOf(value);
    const type = row && textIn(row['type']);
    return type !== undefined && TYPES.test(type) && rowOf(row?.['data']) !== undefined;
  },
  open: () => new EventLines(),
};

class EventLines implements LineReader {
  // How long a text may be in a message is the importer's matter.
  readonly #schema = cliEvent(Infinity);
  #sessionId: string | undefined;
  #pending: { report: ImportedReport; text: string; occurredAt: string | undefined }[] = [];

  *line(value: unknown, text: string): Iterable<Imported> {
    const row = rowOf(value);
    const type = row && textIn(row['type']);
    if (!row || type === undefined) {
      yield { unreadable: `no event: ${text.slice(0, 60)}` };
      return;
    }
    const body = text.trim();
    const own = textIn(rowOf(row['data'])?.['conversation_id']);
    if (own !== undefined) this.#sessionId = idFrom(own);
    if (type.startsWith('conversation.') || type.startsWith('message.')) {
      const read = this.#schema.safeParse(value);
      if (!read.success || read.data.type.startsWith('bridge.')) {
        const [issue] = read.error?.issues ?? [];
        yield { unreadable: `${issue?.path.join('.') ?? 'type'}: ${issue?.message ?? ''}` };
        return;
      }
      yield* this.#settle();
      const event = read.data as Parameters<typeof reported>[0];
      const { source, ...report } = reported(event, body, 'import');
      const sessionId = event.data.conversation_id;
      yield { sessionId, commandId: idOfText(body), report, occurredAt: event.timestamp };
      return;
    }
    const { timestamp, type: _, ...extra } = row;
    const occurredAt = textIn(timestamp);
    this.#pending.push({ report: noteOf(type, extra), text: body, occurredAt });
    if (own !== undefined || this.#pending.length > PENDING_ROWS_MAX) yield* this.#settle();
  }

  *end(): Iterable<Imported> {
    yield* this.#settle();
  }

  /** Lines that name no conversation belong to the one whose line comes next. */
  *#settle(): Iterable<Imported> {
    const [pending, sessionId] = [this.#pending, this.#sessionId];
    this.#pending = [];
    for (const { report, text, occurredAt } of pending) {
      if (sessionId === undefined) yield { unreadable: 'it belongs to no conversation' };
      else yield { sessionId, commandId: idOfText(`${sessionId} ${text}`), report, occurredAt };
    }
  }
}

const noteOf = (kind: string, extra: Record<string, unknown>): ImportedReport => ({
  type: 'report-note',
  note: { kind: `agentpipe ${kind}`, extra },
});
