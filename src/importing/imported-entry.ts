import {
  id,
  type EventData,
  type EventMeta,
  type MessageRole,
  type MessageSource,
  type TokenUsage,
} from '@playhead/contract';
import { parse, v5 } from 'uuid';
import type { DeclaredParticipant, ReportedCommand } from '../commands/command-handler.ts';

/** Ids that Playhead derives from what a producer sent live in this namespace. */
const NAMESPACE = parse('0b1f6f0e-6f0b-5a6e-9a5c-6b6b1f0d6c11');

/** The same text always has the same id: how a byte-identical retry is recognised. */
export const idOfText = (text: string): string => v5(Buffer.from(text), NAMESPACE);

/** The id itself where it can be one here, else one derived from it. */
export const idFrom = (text: string): string =>
  id.safeParse(text).success ? text : idOfText(text);

type WithoutSource<Command> = Command extends ReportedCommand ? Omit<Command, 'source'> : never;

/** What an entry of a file reports. */
export type ImportedReport = WithoutSource<ReportedCommand>;

/** Content that is no text, or too long to be one in a message. */
export interface ImportedFile {
  /** Its media type. */
  readonly type: string;
  readonly name?: string;
  readonly content: Buffer;
}

/** One thing that a file says has happened in a session. */
export interface ImportedEntry {
  readonly sessionId: string;
  /** The same for the same thing, however often it is read: imported again it changes nothing. */
  readonly commandId: string;
  readonly report: ImportedReport;
  /** When it happened, ISO 8601, as far as the file says. */
  readonly occurredAt?: string | undefined;
  /** What its message or tool result shows beside its text. */
  readonly files?: readonly ImportedFile[] | undefined;
}

/** What a file says that cannot be taken in, and why. */
export interface Unreadable {
  readonly unreadable: string;
}

/** An event that was committed once, to be committed again as it was. */
export interface CommittedEvent {
  readonly id: string;
  readonly sessionId: string;
  readonly revision: number;
  readonly type: string;
  readonly v: number;
  readonly data: unknown;
  readonly meta: EventMeta;
}

/** What is read of one line or document, in its order. */
export type Imported = ImportedEntry | { readonly committed: CommittedEvent } | Unreadable;

/** An entry; `key` tells it apart from all others of its session. */
export const entryOf = (
  sessionId: string,
  key: string,
  report: ImportedReport,
  { occurredAt, files }: Pick<ImportedEntry, 'occurredAt' | 'files'> = {},
): ImportedEntry => ({
  sessionId,
  commandId: idOfText(JSON.stringify([sessionId, key])),
  report,
  occurredAt,
  files,
});

/**
 * Tokens of one turn. Readers give `input` without what was read from or written to a cache, and
 * `output` with reasoning. What a producer does not say is left out: unknown, not 0.
 */
export type ImportedUsage = { readonly [Field in keyof TokenUsage]: TokenUsage[Field] };

/** A message as the formats give it. */
export interface ImportedMessage {
  readonly messageId: string;
  readonly role: MessageRole;
  readonly source: MessageSource;
  /** Who wrote it; joined with this when nobody declared them. */
  readonly author: DeclaredParticipant;
  readonly content: string;
  readonly model?: string | undefined;
  readonly sequence?: number | undefined;
  readonly turn?: number | undefined;
  readonly usage?: ImportedUsage | undefined;
  /** All tokens of the turn; without it the sum of `usage`. */
  readonly tokens?: number | undefined;
  readonly costNano?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/** The report of a message. */
export function messageReport(imported: ImportedMessage): ImportedReport {
  const { author, usage = {}, extra, ...message } = imported;
  const { input, output, cacheRead, cacheWrite, reasoning } = usage;
  const said = [input, output, cacheRead, cacheWrite].filter((count) => count !== undefined);
  const kept = definedFields<TokenUsage>({ input, output, cacheRead, cacheWrite, reasoning });
  const sum = said.length > 0 ? said.reduce((total, count) => total + count, 0) : undefined;
  return {
    type: 'report-message',
    author,
    message: definedFields<EventData<'message.posted'>>({
      ...message,
      participantId: author.participantId,
      agentType: author.agentType,
      agentName: author.name,
      tokens: imported.tokens ?? sum,
      usage: Object.keys(kept).length > 0 ? kept : undefined,
      extra: extra && Object.keys(extra).length > 0 ? { ...extra } : undefined,
    }),
  };
}

/** Only the fields that are there, so that events hold nothing else. */
export const definedFields = <Fields extends object>(fields: {
  [Name in keyof Fields]: Fields[Name] | undefined;
}): Fields =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  ) as Fields;
