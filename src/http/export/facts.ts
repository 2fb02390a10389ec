import {
  dollars,
  type MessageView,
  type ParticipantView,
  type SessionView,
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
  ['Total Cost', money(counted.costNano, 4)],
  ['Total Duration', seconds(counted.durationMs)],
];

/** What is known of a message beside its text. */
export const messageFacts = (message: MessageView): Fact[] => [
  ['Time', message.occurredAt],
  ...optional('Model', message.model),
  ...optional('Tokens', tokensOf(message)),
  ...optional('Cost', message.costNano === null ? null : money(message.costNano, 6)),
  ...optional('Duration', message.durationMs === null ? null : seconds(message.durationMs)),
  ...optional('State', message.state === 'complete' ? null : message.state),
  ...optional('Error', message.error),
];

/** What a participant is, `type - model` as far as both are known; empty when neither is. */
export const kindOf = ({ agentType, model }: ParticipantView): string =>
  [agentType, model].filter((part) => part !== null).join(' - ');

/** Of somebody who takes part: the name, else the id. */
export const nameOf = ({ name, participantId }: ParticipantView): string => name ?? participantId;

const optional = (label: string, value: string | null): Fact[] =>
  value === null ? [] : [[label, value]];

function tokensOf({ tokens, inputTokens, outputTokens }: MessageView): string | null {
  if (tokens === null) return null;
  const parts = `${inputTokens ?? '?'}→${outputTokens ?? '?'}`;
  return inputTokens === null && outputTokens === null ? `${tokens}` : `${tokens} (${parts})`;
}
