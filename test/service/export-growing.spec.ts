import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import {
  compareMessages,
  evolveMessage,
  messageIdOf,
  type MessageView,
  type SessionEvent,
} from '@playhead/contract';
import { limits, readConfig, type Limits } from '../../src/config.ts';
import { openPostgresLog } from '../../src/log/postgres/index.ts';
import { startService, type Service } from '../../src/startup/service.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { csvCells, exportPath, jsonLines, markdownParts } from '../support/exports.ts';
import { newEvent, posted } from '../support/histories.ts';
import { until } from '../support/postgres-process.ts';
import { repeats } from '../support/repeats.ts';

/* Exports of a session that goes on meanwhile, from a service that reads a few events at a time. */

const admin = 'ph_admin_key_of_this_test';
const exportsMax = 2;
const changed: Partial<Record<keyof Limits, number>> = {
  ...{ exportsMax, exportMessagesMax: 3, exportBytesMax: 3_000, foldSliceMax: 5 },
  // The service shares its event loop with its clients here, which are not to seem stalled.
  ...{ exportStallMs: 5_000 },
};

let database: TestDatabase;
let service: Service;

beforeAll(async () => {
  database = await freshDatabase();
  const config = readConfig({
    PORT: '0',
    DATABASE_URL: database.url,
    PLAYHEAD_ADMIN_KEY: admin,
    PLAYHEAD_REQUESTS_PER_MINUTE: '1000000',
  });
  const own = { ...config, limits: { ...limits, ...changed } };
  service = await startService(own, pino({ level: 'silent' }), () => undefined);
}, 90_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
});

const request = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(service.url + path, {
    ...init,
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
  });

async function ask(sessionId: string, type: string, data: object): Promise<void> {
  const path = `/api/sessions/${sessionId}/commands/${type}`;
  const answer = await request(path, { method: 'POST', body: JSON.stringify(data) });
  if (answer.status !== 200) throw new Error(await answer.text());
}

async function eventsOf(sessionId: string): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for (;;) {
    const path = `/api/sessions/${sessionId}/events?limit=1000&after=${events.length - 1}`;
    const page = (await (await request(path)).json()) as {
      events: SessionEvent[];
      caughtUp: boolean;
    };
    events.push(...page.events);
    if (page.caughtUp) return events;
  }
}

/** The messages of a session after its first events, in order. */
function messagesAfter(events: readonly SessionEvent[]): MessageView[] {
  const messages = new Map<string, MessageView>();
  for (const event of events) {
    const id = messageIdOf(event);
    const message = id === undefined ? undefined : evolveMessage(messages.get(id), event);
    if (message) messages.set(message.messageId, message);
  }
  return [...messages.values()].sort(compareMessages);
}

/** Says something every few milliseconds, some of it in pieces, until it is stopped. */
function writer(sessionId: string) {
  let isStopped = false;
  const say = async (): Promise<void> => {
    await ask(sessionId, 'session.start', {});
    // Each export is read whole: without pauses the session would grow beyond what can be.
    for (let nth = 0; !isStopped; nth += 1, await sleep(20)) {
      await ask(sessionId, 'message.post', { messageId: `m${nth}`, content: `whole ${nth}` });
      const messageId = `piece ${nth}`;
      await ask(sessionId, 'message.start', { messageId });
      for (let index = 0; index < 3; index += 1) {
        await ask(sessionId, 'message.append', { messageId, index, text: `${nth}/${index} ` });
      }
      // Some are open for long, some for good.
      const older = `piece ${nth - 7}`;
      if (nth < 7 || nth % 5 === 0) continue;
      await (nth % 3 === 0
        ? ask(sessionId, 'message.fail', { messageId: older, error: 'gone' })
        : ask(sessionId, 'message.complete', { messageId: older }));
    }
  };
  const running = say();
  running.catch(() => undefined);
  return {
    stop: async (): Promise<void> => {
      isStopped = true;
      await running;
    },
  };
}

interface Exported {
  readonly revision: number;
  readonly messages: (MessageView & { readonly id: string })[];
}

it('an export of a growing session is a prefix in every format, never a mixture', async () => {
  const sessionId = 'growing';
  const writing = writer(sessionId);
  await until(async () => (await request(`/api/sessions/${sessionId}`)).status === 200);
  const texts: Record<'json' | 'jsonl' | 'csv' | 'markdown', string[]> = {
    ...{ json: [], jsonl: [], csv: [], markdown: [] },
  };
  for (let nth = 0; nth < repeats({ few: 15, all: 40 }); nth += 1) {
    for (const format of ['json', 'jsonl', 'csv', 'markdown'] as const) {
      const answer = await request(exportPath(sessionId, format));
      expect(answer.status).toBe(200);
      texts[format].push(await answer.text());
    }
  }
  await writing.stop();
  const events = await eventsOf(sessionId);
  for (const text of texts.jsonl) {
    const lines = jsonLines<SessionEvent>(text);
    const then = events.slice(0, lines.length).map(({ position: _, ...event }) => event);
    expect(lines).toEqual(then);
  }
  for (const text of texts.json) {
    const { revision, messages } = JSON.parse(text) as Exported;
    const then = messagesAfter(events.slice(0, revision + 1));
    expect(messages).toMatchObject(then);
    expect(messages).toHaveLength(then.length);
  }
  const contentsAt = events.map((_, nth) =>
    JSON.stringify(messagesAfter(events.slice(0, nth + 1)).map(({ content }) => content)),
  );
  for (const text of texts.csv) {
    const contents = csvCells(text).slice(1);
    expect(contentsAt).toContain(JSON.stringify(contents.map((row) => row[9])));
  }
  for (const text of texts.markdown) {
    expect(contentsAt).toContain(JSON.stringify(markdownParts(text).blocks));
  }
  // It did grow meanwhile.
  expect(new Set(texts.jsonl).size).toBeGreaterThan(3);
}, 240_000);

it('of too many exports at once the last is refused, until a client that takes nothing is cut', async () => {
  const sessionId = 'large';
  await ask(sessionId, 'session.start', {});
  // Together more than the buffers between service and client hold.
  for (let nth = 0; nth < 200; nth += 1) {
    await ask(sessionId, 'message.post', { content: '.'.repeat(90_000) });
  }
  const stalled = await Promise.all(
    Array.from({ length: exportsMax }, () => request(exportPath(sessionId, 'jsonl'))),
  );
  const refused = await request(exportPath(sessionId));
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await refused.json()).toMatchObject({ code: 'overloaded', retry: true });
  // All places are free once all of them are cut.
  await until(async () => {
    const answers = await Promise.all(stalled.map(() => request(exportPath(sessionId, 'jsonl'))));
    for (const { body } of answers) await body?.cancel();
    return answers.every(({ status }) => status === 200);
  });
  for (const answer of stalled) await expect(answer.text()).rejects.toThrow();
}, 120_000);

it('of a session whose messages are not kept up to date only jsonl is exported', async () => {
  const log = await openPostgresLog({ ...limits, connectionString: database.url });
  const sessionId = 'parked';
  const start = newEvent({ sessionId, type: 'session.started', data: { source: 'api' } });
  // No table can hold it.
  const broken = newEvent(posted(sessionId, 1, 'a\0b'));
  // Read as another version than it was stored in.
  const old = newEvent({ sessionId, type: 'tool.finished', v: 1, data: { callId: 'c' } });
  await log.append({ stream: `session-${sessionId}`, expected: -1, events: [start, broken, old] });
  await log.close();
  await until(async () => {
    const { status } = await request(exportPath(sessionId));
    return status === 503;
  });
  const refused = await request(exportPath(sessionId, 'html'));
  expect(await refused.json()).toMatchObject({ code: 'unavailable', field: 'format' });
  const lines = await request(exportPath(sessionId, 'jsonl'));
  expect(jsonLines(await lines.text())).toEqual(
    [start, broken, old].map((event, revision) => ({ ...event, sessionId, revision })),
  );
}, 60_000);
