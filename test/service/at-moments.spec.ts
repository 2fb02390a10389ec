import {
  evolveOpenView,
  sessionStream,
  type OpenView,
  type SessionFrame,
  type SessionOpened,
} from '@playhead/contract';
import { io } from 'socket.io-client';
import { limits } from '../../src/config.ts';
import { messageShape, participantShape } from '../../src/http/sessions/session-shapes.ts';
import type { NewEvent } from '../../src/log/event-log.ts';
import { openPostgresLog } from '../../src/log/postgres/index.ts';
import { upcast } from '../../src/log/upcasts.ts';
import { jsonLines } from '../support/exports.ts';
import { pastOf } from '../support/past.ts';
import {
  adminOfPast,
  asJson,
  expectedOf,
  pathOf,
  ServiceWithPast,
} from '../support/service-with-past.ts';

/* Moments that are times, or none at all; exports and views at a moment. */

const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
let all: ServiceWithPast;

beforeAll(async () => {
  all = await ServiceWithPast.start(40, seed);
}, 90_000);

afterAll(() => all.stop());

it('a time is the last revision that had been accepted by then', async () => {
  for (let nth = 0; nth < 100; nth += 1) {
    const sessionId = `s ${all.among(all.sessions.size)}/🚀`;
    const events = all.sessions.get(sessionId) ?? [];
    const chosen = events[all.among(events.length)];
    const ms = Date.parse(chosen?.meta.at ?? '') + all.among(3) - 1;
    const time = new Date(ms).toISOString();
    const first = events.filter(({ meta }) => Date.parse(meta.at) <= ms);
    const path = pathOf(sessionId, `?at=${nth % 2 ? time : time.replace('Z', '%2B00:00')}`);
    const answer = await all.request(path);
    if (first.length === 0) {
      expect([answer.status, await answer.json()]).toMatchObject([
        404,
        { code: 'not-found', field: 'at' },
      ]);
      continue;
    }
    expect(answer.headers.get('playhead-revision')).toBe(String(first.length - 1));
    expect(await answer.json()).toEqual(expectedOf(pastOf(first)).session);
  }
  const sessionId = 's 0/🚀';
  const events = all.sessions.get(sessionId) ?? [];
  const { messages } = await all.answered(sessionId, '2100-01-01');
  expect(messages).toEqual(expectedOf(pastOf(events)).messages);
});

it('what cannot be a moment is refused by name, on every route alike', async () => {
  const sessionId = 's 1/🚀';
  const last = (all.sessions.get(sessionId)?.length ?? 0) - 1;
  const invalid = { status: 400, code: 'invalid', field: 'at' };
  const hostile = [
    ...[
      '',
      '-1',
      '1.5',
      '1e3',
      '0x10',
      '%201',
      '1%20',
      'NaN',
      'Infinity',
      'null',
      'now',
      '٣',
      '%00',
    ],
    ...['99999999999', '2147483648', '999999999999999999999', String(last + 1), '2147483647'],
    ...['2026-13-01', '2026-02-30T00:00:00Z', '2026-01-01T00:00:00', '0&at=1', '1,2', '[]'],
    ...['2026-01-01T00:00:00+00:00', '{}', "1'--", 'a'.repeat(5_000)],
  ];
  const parts = ['', '/messages', '/participants', '/tools', '/timeline', '/export'];
  for (const part of parts) {
    for (const at of hostile) {
      const answer = await all.request(pathOf(sessionId, `${part}?at=${at}`));
      const { code, field } = (await answer.json()) as { code: string; field: string };
      expect({ part, at, status: answer.status, code, field }).toEqual({ part, at, ...invalid });
    }
    const unknown = await all.request(`/api/sessions/nobody${part}?at=0`);
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: 'not-found' }]);
    if (part === '/export') continue;
    const both = await all.request(pathOf(sessionId, `${part}?at=0&minRevision=0`));
    expect([both.status, await both.json()]).toMatchObject([400, { field: 'at' }]);
  }
});

it('an export at a revision is that of a log that ends there', async () => {
  const log = await openPostgresLog({ ...limits, connectionString: all.database.url });
  for (let nth = 0; nth < 12; nth += 1) {
    const { sessionId, revision, events, past } = all.pair();
    const path = pathOf(sessionId, `/export?at=${revision}`);
    const file = await (await all.request(`${path}&format=jsonl`)).text();
    // The file has events as they were committed, in whatever version that was.
    const lines = jsonLines<NewEvent>(file).map((line) => {
      const { stored: _, ...read } = upcast(line);
      return read;
    });
    expect(lines).toEqual(events.map(({ position: _, ...event }) => event));
    const { messages, participants } = await all.get<Record<string, unknown>>(path);
    expect({ messages, participants }).toEqual(
      asJson({
        messages: past.messages.map(messageShape),
        participants: past.participants.map(participantShape),
      }),
    );
    // The same events in a session of their own, which has no more of them.
    const cut = `cut ${nth}`;
    const alone = asJson(events).map(
      ({ id: _, sessionId: _of, revision: _at, position: _in, ...event }) => ({
        ...event,
        id: crypto.randomUUID(),
      }),
    );
    await log.append({ stream: sessionStream(cut), expected: -1, events: alone });
    const today = new Date().toISOString().slice(0, 10);
    for (const format of ['json', 'markdown', 'csv', 'html']) {
      const textOf = async (url: string): Promise<string> =>
        (await (await all.request(url)).text())
          .replaceAll(sessionId, cut)
          // When it was exported.
          .replaceAll(new RegExp(String.raw`${today}T[\d:.]+Z`, 'g'), '');
      expect(await textOf(`${path}&format=${format}`)).toBe(
        await textOf(`/api/sessions/${cut}/export?format=${format}`),
      );
    }
  }
  await log.close();
}, 60_000);

it('a socket is shown a view at a revision or a time, and nothing follows', async () => {
  const socket = io(all.service.url, {
    ...{ transports: ['websocket'], auth: { token: adminOfPast }, forceNew: true },
  });
  const frames: SessionFrame[] = [];
  socket.on('session:events', (frame: SessionFrame) => frames.push(frame));
  for (let nth = 0; nth < 150; nth += 1) {
    const { sessionId, revision, events } = all.pair();
    const last = events.at(-1);
    const byTime = (all.sessions.get(sessionId) ?? []).filter(
      ({ meta }) => meta.at <= (last?.meta.at ?? ''),
    );
    const at = nth % 2 ? revision : last?.meta.at;
    const first = nth % 2 ? events : byTime;
    const opened = (await socket.emitWithAck('session:open', { sessionId, at })) as SessionOpened;
    const view = first.reduce<OpenView | undefined>(evolveOpenView, undefined);
    expect({ seed, at, opened }).toEqual({
      ...{ seed, at },
      opened: {
        ...{ ok: true, sessionId, epoch: opened.epoch, view: asJson(view) },
        ...{ revision: first.length - 1, eventId: first.at(-1)?.id },
      },
    });
  }
  expect(frames).toEqual([]);
  const sessionId = 's 1/🚀';
  for (const at of [-1, 1.5, '0', '', 'now', null, [], {}, 2 ** 40, 1_000_000]) {
    const refused: unknown = await socket.emitWithAck('session:open', { sessionId, at });
    expect({ at, refused }).toMatchObject({
      ...{ at, refused: { ok: false, code: 'invalid', field: 'at' } },
    });
  }
  const both: unknown = await socket.emitWithAck('session:open', { sessionId, at: 0, after: 0 });
  expect(both).toMatchObject({ ok: false, code: 'invalid', field: 'at' });
  socket.close();
});
