import { randomUUID } from 'node:crypto';
import { eventTypes, sessionStream, type EventType } from '@playhead/contract';
import type { EventLog, NewEvent } from '../../src/log/event-log.ts';

/** Events of a long session; `PLAYHEAD_BENCH_LONG` makes it a short one, to try a bench out. */
export const LONG = Number(process.env.PLAYHEAD_BENCH_LONG ?? 100_000);
const EVENTS_PER_APPEND = 1_000;

/** Writes a session as of an agent that says a lot, in chunks. */
export async function writeLong(log: EventLog, sessionId: string): Promise<void> {
  const stream = sessionStream(sessionId);
  for (let next = 0; next < LONG; next += EVENTS_PER_APPEND) {
    const events = Array.from({ length: EVENTS_PER_APPEND }, (_, nth) => happening(next + nth));
    await log.append({ stream, expected: next - 1, events });
  }
}

const text = 'Forty words or so, as people and agents say them. '.repeat(4);

function happening(nth: number): NewEvent {
  const messageId = `message ${Math.floor(nth / 10)}`;
  const author = { messageId, role: 'assistant', source: 'agent' };
  const [type, data]: [EventType, object] =
    nth === 0
      ? ['session.started', { source: 'web' }]
      : nth % 10 === 0
        ? ['message.started', author]
        : nth % 10 === 9
          ? ['message.completed', { ...author, content: text, tokens: 40, costNano: 7 }]
          : ['message.chunked', { messageId, from: (nth % 10) - 1, to: (nth % 10) - 1, text }];
  return {
    id: randomUUID(),
    type,
    v: eventTypes[type].v,
    data,
    meta: { at: new Date().toISOString(), actor: 'key:bench', commandId: randomUUID() },
  };
}
