import { randomUUID } from 'node:crypto';
import { eventTypes, sessionStream } from '@playhead/contract';
import { openPostgresLog } from '../../src/log/postgres/index.ts';
import { limits } from '../../src/config.ts';
import { NO_STREAM, type EventLog, type NewEvent } from '../../src/log/event-log.ts';

const meta = { at: '2026-01-01T12:00:00.000Z', actor: 'key:bench', commandId: randomUUID() };

/** A short message. */
const message = (nth: number): NewEvent => ({
  id: randomUUID(),
  type: 'message.posted',
  v: eventTypes['message.posted'].v,
  data: { messageId: `m${nth}`, role: 'assistant', source: 'agent', content: `message ${nth}` },
  meta,
});

/** A session that this process writes straight into the log, for a service to show. */
export interface BenchSession {
  readonly sessionId: string;
  /** Of the last event. */
  readonly revision: number;
  /** Appends so many messages at once. */
  speak(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Begins a session in the log of a database. */
export async function beginSession(databaseUrl: string): Promise<BenchSession> {
  const log: EventLog = await openPostgresLog({ ...limits, connectionString: databaseUrl });
  const sessionId = randomUUID();
  const stream = sessionStream(sessionId);
  let revision = NO_STREAM;
  const speak = async (count: number): Promise<void> => {
    const events = Array.from({ length: count }, (_, nth) => message(revision + 1 + nth));
    ({ revision } = await log.append({ stream, expected: revision, events }));
  };
  await speak(1);
  return {
    sessionId,
    get revision() {
      return revision;
    },
    speak,
    close: () => log.close(),
  };
}
