import type { SessionEvent } from '@playhead/contract';

const TEXT_LENGTH_MAX = 200;

/** Fields that say best what an event is about, the best first. */
const telling = ['content', 'text', 'prompt', 'name', 'message', 'tool', 'state', 'as', 'error'];

/**
 * An event as a line for people: time, session if wanted, revision, type, actor and the beginning
 * of its text.
 */
export function formatEvent(
  { sessionId, revision, type, data, meta }: SessionEvent,
  withSession: boolean,
): string {
  const fields = (data ?? {}) as Readonly<Record<string, unknown>>;
  const said = telling.map((field) => fields[field]).find((value) => typeof value === 'string');
  const who = fields.agentName ?? fields.participantId ?? meta.actor;
  const parts = [
    meta.at,
    ...(withSession ? [sessionId] : []),
    String(revision).padStart(6),
    type.padEnd(22),
    typeof who === 'string' ? who : meta.actor,
    shortened(typeof said === 'string' ? said : ''),
  ];
  return onOneLine(parts.join('  ').trimEnd());
}

const shortened = (text: string): string => {
  const characters = [...text.slice(0, 2 * TEXT_LENGTH_MAX)];
  const isWhole = characters.length <= TEXT_LENGTH_MAX && text.length <= 2 * TEXT_LENGTH_MAX;
  return isWhole ? text : `${characters.slice(0, TEXT_LENGTH_MAX).join('')}…`;
};

/** What agents say must not move the cursor, change colours or turn the direction of the text. */
export const onOneLine = (text: string): string =>
  text.replace(/\r?\n/g, ' ⏎ ').replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '�');
