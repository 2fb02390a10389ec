import {
  asKnown,
  evolveSession,
  happenedAt,
  type KnownSessionEvent,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { byteOrder } from '../../src/projecting/columns.ts';
import type { Projection } from '../../src/projecting/projection.ts';
import { addText, NO_TEXT, type IndexedText } from './indexed-text.ts';
import { cellsOf } from './time-cells.ts';

/** What can be found: the name and prompt of a session, a message, a call of a tool. */
@Entity('search_entries')
@Index('search_entries_newest', ['at', 'sessionId', 'entry'])
@Index('search_entries_by_word', { synchronize: false })
export class SearchEntryRow {
  @PrimaryColumn({ ...byteOrder, name: 'session_id' })
  sessionId: string;

  /** `session`, `message:<id>` or `tool:<id>`. */
  @PrimaryColumn(byteOrder)
  entry: string;

  @Column('integer')
  revision: number;

  /** When the session started, the message was written or the tool was called. */
  @Column(byteOrder)
  at: string;

  /** Its words with their positions, and those of its time; see `words.ts`, `time-cells.ts`. */
  @Column('tsvector')
  words: string;

  /** What later events build on; null when none can change the words. */
  @Column('json', { nullable: true })
  pending: Pending | null;
}

/** A session may get another name, an open message its content, a running call more output. */
type Pending =
  | ({ readonly kind: 'session' } & Named)
  | { readonly kind: 'message' }
  | ({ readonly kind: 'tool' } & Omit<IndexedText, 'words'>);

type Named = Pick<SessionView, 'declared' | 'startedAt' | 'name' | 'prompt'>;

export const searchEntries: Projection<SearchEntryRow> = {
  name: 'search_entries',
  version: 3,
  isBackground: true,
  entity: SearchEntryRow,
  keyColumn: 'entry',
  keys(event) {
    const known = asSearched(event);
    return known ? [entryOf(known)] : [];
  },
  evolve(row, event) {
    const known = asSearched(event);
    const change = known && changeOf(row, known, event);
    if (!change) return row;
    const { sessionId, revision } = event;
    const { at, words, pending } = change;
    return { sessionId, entry: entryOf(known), revision, at, words, pending };
  },
};

/** The events that have something to search in them, or begin what will have. */
const searchedTypes = [
  ...(['session.started', 'session.renamed'] as const),
  ...(['message.posted', 'message.started', 'message.completed', 'message.failed'] as const),
  ...(['tool.called', 'tool.output', 'tool.finished'] as const),
];
type SearchedEvent = Extract<KnownSessionEvent, { type: (typeof searchedTypes)[number] }>;

function asSearched(event: SessionEvent): SearchedEvent | undefined {
  const known = asKnown(event);
  const isSearched = known && searchedTypes.some((type) => type === known.type);
  return isSearched ? (known as SearchedEvent) : undefined;
}

function entryOf({ data }: SearchedEvent): string {
  if ('callId' in data) return `tool:${data.callId}`;
  return 'messageId' in data ? `message:${data.messageId}` : 'session';
}

type Change = Pick<SearchEntryRow, 'at' | 'words' | 'pending'>;

/** The same events count as in the views of sessions, messages and tool calls. */
function changeOf(
  row: SearchEntryRow | undefined,
  known: SearchedEvent,
  event: SessionEvent,
): Change | undefined {
  const pending = row?.pending ?? undefined;
  if (row && !pending) return undefined;
  const at = row?.at ?? happenedAt(event.meta);
  switch (known.type) {
    case 'session.started':
    case 'session.renamed':
      return namedBy(event, pending?.kind === 'session' ? pending : undefined);
    case 'message.started':
      return row ? undefined : { at, words: '', pending: { kind: 'message' } };
    case 'message.posted': {
      const { content } = known.data;
      return whole(happenedAt(event.meta), content);
    }
    case 'message.completed':
      return whole(at, known.data.content);
    case 'message.failed':
      return row && whole(at, known.data.content);
    case 'tool.called': {
      if (row) return undefined;
      const text = `${known.data.tool} ${textOfInput(known.data.input)}\n`;
      const { words, ...progress } = addText(NO_TEXT, text);
      return { at, words: `${words} ${cellsOf(at)}`, pending: { kind: 'tool', ...progress } };
    }
    case 'tool.output':
    case 'tool.finished': {
      if (!row || pending?.kind !== 'tool') return undefined;
      const text = known.type === 'tool.output' ? known.data.text : `\n${known.data.error ?? ''}`;
      const { words, ...progress } = addText({ ...pending, words: row.words }, text);
      const isOver = known.type === 'tool.finished';
      return { at, words, pending: isOver ? null : { kind: 'tool', ...progress } };
    }
  }
}

const whole = (at: string, text: string): Change => ({
  at,
  words: `${addText(NO_TEXT, text).words} ${cellsOf(at)}`,
  pending: null,
});

/** Which name and prompt stand after several starts is what the session's own view says. */
function namedBy(event: SessionEvent, before: Named | undefined): Change {
  const view = before ? { ...evolveSession(undefined, event), ...before } : undefined;
  const { declared, startedAt, name, prompt } = evolveSession(view, event);
  const { words } = addText(NO_TEXT, sessionText(name, prompt));
  return {
    at: startedAt,
    words: `${words} ${cellsOf(startedAt)}`,
    pending: { kind: 'session', declared, startedAt, name, prompt },
  };
}

/** The text of a session that is searched. */
export const sessionText = (name: string | null, prompt: string | null): string =>
  `${name ?? ''}\n${prompt ?? ''}`;

/** The text of a tool's input that is searched: its values, in order. */
export function textOfInput(input: unknown): string {
  const texts: string[] = [];
  const waiting: unknown[] = [input];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === 'string' || typeof value === 'number') texts.push(String(value));
    else if (typeof value === 'object' && value !== null) {
      for (const one of Object.values(value).reverse()) waiting.push(one);
    }
  }
  return texts.join('\n');
}
