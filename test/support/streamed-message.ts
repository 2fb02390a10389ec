import { sessionStream } from '@playhead/contract';
import type { EventLog, NewEvent } from '../../src/log/event-log.ts';
import { newEvent } from './histories.ts';

/** A message of so many characters. */
const said = (sessionId: string, nth: number, length = 20): NewEvent =>
  newEvent({
    sessionId,
    type: 'message.posted',
    data: {
      messageId: `m${nth}`,
      role: 'assistant',
      source: 'agent',
      content: `${nth} `.padEnd(length, '.'),
    },
  });

/** Appends messages `from` to `to - 1` of a session; message n is its event n. */
export async function streamMessage(
  log: EventLog,
  sessionId: string,
  { from = 0, to, length }: { from?: number; to: number; length?: number },
): Promise<void> {
  const perAppend = Math.max(1, Math.min(500, Math.floor(500_000 / ((length ?? 20) + 400))));
  for (let next = from; next < to; next += perAppend) {
    const count = Math.min(perAppend, to - next);
    const events = Array.from({ length: count }, (_, nth) => said(sessionId, next + nth, length));
    await log.append({ stream: sessionStream(sessionId), expected: next - 1, events });
  }
}
