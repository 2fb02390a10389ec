import { readFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportFormats, sessionStream, type ExportFormat } from '@playhead/contract';
import { limits } from '../../src/config.ts';
import type { NewEvent } from '../../src/log/event-log.ts';
import { openPostgresLog } from '../../src/log/postgres/index.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { exportPath } from '../support/exports.ts';
import { newEvent } from '../support/histories.ts';
import { repeats } from '../support/repeats.ts';
import { adminKey, logInPostgres, RunningService } from '../support/service.ts';

/* However long a session is, its export takes the same memory, also for a client that is slow. */

const EVENTS = repeats({ few: 50_000, all: 300_000 });
const PER_APPEND = 500;
const GROWTH_MAX = 100 * 1024 * 1024;
const sessionId = 'long';

let database: TestDatabase;
let service: RunningService;

/** Of ten events five are whole messages, and five one that comes in pieces. */
function happening(nth: number): NewEvent {
  const messageId = nth % 10 < 5 ? `m${nth}` : `p${nth - (nth % 10)}`;
  const author = { messageId, role: 'assistant', source: 'agent', sequence: nth };
  const [type, data] =
    nth === 0
      ? ['session.started', { source: 'api' }]
      : nth % 10 < 5
        ? ['message.posted', { ...author, content: `${nth} `.padEnd(300, 'said ') }]
        : nth % 10 === 5
          ? ['message.started', author]
          : nth % 10 < 9
            ? ['message.chunked', { messageId, ...pieceOf((nth % 10) - 6) }]
            : ['message.completed', { ...author, content: 'done' }];
  return newEvent({ sessionId, type, data });
}

/** What a file holds of an event on average, at least. */
const bytesMin = { json: 300, markdown: 180, csv: 180, jsonl: 800, html: 200 };

const pieceOf = (index: number) => ({ from: index, to: index, text: 'piece '.repeat(250) });

beforeAll(async () => {
  database = await freshDatabase();
  const log = await openPostgresLog({ ...limits, connectionString: database.url });
  const stream = sessionStream(sessionId);
  for (let next = 0; next < EVENTS; next += PER_APPEND) {
    const events = Array.from({ length: PER_APPEND }, (_, nth) => happening(next + nth));
    await log.append({ stream, expected: next - 1, events });
  }
  await log.close();
  const env = { ...logInPostgres, DATABASE_URL: database.url };
  service = await RunningService.start(env);
  const path = `/api/sessions/${sessionId}?minRevision=${EVENTS - 1}`;
  while ((await service.request(path)).status !== 200) await sleep(500);
  // Another process, which has not grown with the read models.
  await service.stop();
  service = await RunningService.start(env);
}, 600_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
});

const memory = (): number => {
  const status = readFileSync(`/proc/${service.process.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024;
};

const begun = (format: ExportFormat): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${adminKey}` };
    const path = exportPath(sessionId, format);
    request(`${service.url}${path}`, { headers, agent: false }, resolve).on('error', reject).end();
  });

/** Counts what an export holds; the reader sleeps for a while before it begins. */
async function taken(format: ExportFormat, sleepMs: number) {
  const answer = await begun(format);
  await sleep(sleepMs);
  let [bytes, lines] = [0, 0];
  for await (const piece of answer as AsyncIterable<Buffer>) {
    bytes += piece.length;
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines += 1;
  }
  return { bytes, lines };
}

(process.platform === 'linux' ? it : it.skip)(
  'of a long session, in every format, it takes the same memory',
  async () => {
    // What is loaded and compiled once.
    await service.post('/api/sessions', { sessionId: 'short' });
    for (const format of exportFormats) await service.request(exportPath('short', format));
    const before = memory();
    let most = before;
    const watching = setInterval(() => (most = Math.max(most, memory())), 10);
    for (const format of exportFormats) {
      const { bytes, lines } = await taken(format, 1_500);
      expect(bytes).toBeGreaterThan(bytesMin[format] * EVENTS);
      if (format === 'jsonl') expect(lines).toBe(EVENTS);
      if (format === 'csv') expect(lines).toBe(EVENTS * 0.6);
    }
    clearInterval(watching);
    expect(most - before).toBeLessThan(GROWTH_MAX);
  },
  600_000,
);

it('ends with a client that goes', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => begun('jsonl')));
  for (const client of clients) client.destroy();
  await sleep(500);
  expect((await service.request(exportPath(sessionId, 'csv'))).status).toBe(200);
}, 60_000);
