import {
  dollars,
  type Attachment,
  type MessageView,
  type ParticipantView,
  type SessionView,
  type TokenCounts,
} from '@playhead/contract';

/** Something that is said of a session or a message, for people: what it is, and the value. */
export type Fact = readonly [label: string, value: string];

/** Who says a message, by the best name there is. */
export const speakerOf = ({ agentName, participantId, role }: MessageView): string =>
  agentName ?? participantId ?? role;

/** Control characters, but for those that text is made of. */
const CONTROL = /[^\P{Cc}\n\r\t]/gu;
const CONTROL_PICTURES = 0x2400;

/** Text with characters that a terminal or a page would obey, or hide, made visible. */
export const readable = (text: string): string =>
  text.replace(CONTROL, (letter) => {
    const code = letter.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(CONTROL_PICTURES + code) : '\uFFFD';
  });

const money = (nano: number | null, digits: number): string =>
  `$${(dollars(nano) ?? 0).toFixed(digits)}`;

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(2)}s`;

/** How it stands with a session. */
export const sessionFacts = (session: SessionView, exportedAt: Date): Fact[] => [
  ['Status', session.status],
  ['Source', session.source],
  ['Created', session.startedAt],
  ['Completed', session.endedAt ?? 'In Progress'],
  ['Export Date', exportedAt.toISOString()],
  ['Session', session.sessionId],
  ['Revision', String(session.revision)],
  ...optional('Error', session.errorMessage),
];

/** What a session's messages come to. */
export const totalFacts = ({ counted }: SessionView): Fact[] => [
  ['Total Messages', String(counted.messages)],
  ['Total Tokens', String(counted.tokens)],
  ...tokenFacts(counted.usage),
  ['Total Cost', money(counted.costNano, 4)],
  ['Total Duration', seconds(counted.durationMs)],
];

/** What is known of a message beside its text. */
export const messageFacts = (message: MessageView): Fact[] => [
  ['Time', message.occurredAt],
  ...optional('Model', message.model),
  ...optional('Tokens', tokensOf(message)),
  ...optional('Cache', cacheOf(message.usage)),
  ...optional('Reasoning Tokens', shown(message.usage.reasoning)),
  ...optional('Cost', message.costNano === null ? null : money(message.costNano, 6)),
  ...optional('Duration', message.durationMs === null ? null : seconds(message.durationMs)),
  ...optional('State', message.state === 'complete' ? null : message.state),
  ...optional('Error', message.error),
  ...attachmentTexts(message.attachments).map((text): Fact => ['Attachment', text]),
];

/** What a message refers to: name, media type, size, and the hash under which it is stored. */
export const attachmentTexts = (attachments: readonly Attachment[]): string[] =>
  attachments.map(({ name, type, bytes, hash }) =>
    [name, type, `${bytes} bytes`, `sha256:${hash}`].filter(Boolean).join(' '),
  );

/** What a participant is, `type - model` as far as both are known; empty when neither is. */
export const kindOf = ({ agentType, model }: ParticipantView): string =>
  [agentType, model].filter((part) => part !== null).join(' - ');

/** Of somebody who takes part: the name, else the id. */
export const nameOf = ({ name, participantId }: ParticipantView): string => name ?? participantId;

const optional = (label: string, value: string | null): Fact[] =>
  value === null ? [] : [[label, value]];

const shown = (count: number | null): string | null => (count === null ? null : String(count));

/** Totals by what tokens were used for, as far as anybody has said. */
const tokenFacts = ({ input, output, cacheRead, cacheWrite, reasoning }: TokenCounts): Fact[] => [
  ...optional('Input Tokens', shown(input)),
  ...optional('Output Tokens', shown(output)),
  ...optional('Cache Read Tokens', shown(cacheRead)),
  ...optional('Cache Write Tokens', shown(cacheWrite)),
  ...optional('Reasoning Tokens', shown(reasoning)),
];

const cacheOf = ({ cacheRead, cacheWrite }: TokenCounts): string | null =>
  cacheRead === null && cacheWrite === null
    ? null
    : `${cacheRead ?? '?'} read, ${cacheWrite ?? '?'} written`;

function tokensOf({ tokens, inputTokens, outputTokens }: MessageView): string | null {
  const parts = `${inputTokens ?? '?'}→${outputTokens ?? '?'}`;
  if (inputTokens === null && outputTokens === null) return shown(tokens);
  return `${tokens ?? '?'} (${parts})`;
}
