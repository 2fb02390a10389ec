import type { SessionEvent } from '@playhead/contract';
import { freshDatabase } from './database.ts';
import { EventReader, type ReaderOptions } from './event-reader.ts';
import { until } from './postgres-process.ts';
import { adminKey, ingestKey, RunningService, type Answer } from './service.ts';

/** A service of its own, whose streams are read and whose sessions are written. */
export async function startStreaming(env: Record<string, string> = {}) {
  const database = await freshDatabase();
  const service = await RunningService.start({
    DATABASE_URL: database.url,
    PLAYHEAD_INGEST_PER_MINUTE: '1000000',
    ...env,
  });
  const readers: EventReader[] = [];

  const metric = async (name: string): Promise<number> => {
    const { text } = await service.request('/metrics');
    return Number(new RegExp(`^playhead_${name} (\\d+)`, 'm').exec(text)?.[1]);
  };
  const ask = (path: string, body: object = {}): Promise<Answer> =>
    service.request(path, { type: 'application/json', body: JSON.stringify(body) });
  const say = (sessionId: string, content: string): Promise<Answer> =>
    ask(`/api/sessions/${sessionId}/commands/message.post`, { content });
  const inLog = async (sessionId: string): Promise<SessionEvent[]> => {
    const all: SessionEvent[] = [];
    for (;;) {
      const path = `/api/sessions/${sessionId}/events?limit=1000&after=${all.length - 1}`;
      const page = await service.get<{ events: SessionEvent[]; caughtUp: boolean }>(path);
      all.push(...page.events);
      if (page.caughtUp) return all;
    }
  };
  /** Messages `from` to `to - 1` of a conversation, in one file; `length` is that of each. */
  const report = async (session: string, from: number, to: number, length = 10) => {
    const lines = Array.from({ length: to - from }, (_, nth) =>
      JSON.stringify({
        type: 'message.created',
        timestamp: '2026-01-01T00:00:00Z',
        data: {
          ...{ conversation_id: session, message_id: `m${from + nth}`, agent_type: 'claude' },
          content: `${from + nth} `.padEnd(length, '.'),
        },
      }),
    );
    const type = 'application/x-ndjson';
    const { status, text } = await service.request('/api/ingest', {
      ...{ key: ingestKey, type, body: lines.join('\n') },
    });
    expect([status, text.includes('"status":4')]).toEqual([200, false]);
  };

  return {
    service,
    metric,
    ask,
    say,
    inLog,
    report,
    /** Opens a stream with the admin key; it is closed after the test. */
    async open(path: string, options: ReaderOptions = {}, at = service.url) {
      const reader = await EventReader.open(at + path, { key: adminKey, ...options });
      readers.push(reader);
      return reader;
    },
    /** Makes a session of so many events. */
    async session(sessionId: string, events: number): Promise<SessionEvent[]> {
      await ask('/api/sessions', { sessionId });
      for (let nth = 1; nth < events; nth += 1) await say(sessionId, `message ${nth}`);
      return inLog(sessionId);
    },
    /** The status, code and field with which a stream is refused. */
    async refusal(path: string, headers: Record<string, string> = {}, key?: string | null) {
      const options = { headers, ...(key === undefined ? {} : { key }) };
      const answer = await service.request(path, options);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      const { code, field } = answer.body as { code: string; field?: string };
      return [answer.status, code, field];
    },
    /** Closes what was opened, and waits until the service has let go of it. */
    async closeAll(): Promise<void> {
      for (const reader of readers.splice(0)) reader.close();
      await until(async () => (await metric('streams')) === 0);
    },
    async stop(): Promise<void> {
      for (const reader of readers) reader.close();
      await service.stop();
      await database.drop();
    },
  };
}

export type Streaming = Awaited<ReturnType<typeof startStreaming>>;

/** Whether what was there has come. */
export const isCaughtUp = (reader: EventReader) => (): boolean =>
  reader.named('caught-up').length > 0;

/** Of the events that came, in order. */
export const revisions = (reader: EventReader): number[] =>
  reader.messages().map(({ revision }) => revision);
