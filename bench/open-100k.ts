import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { sessionStream, type SessionOpened } from '@playhead/contract';
import pg from 'pg';
import { limits } from '../src/config.ts';
import { Feed } from '../src/live/feed.ts';
import type { Viewer } from '../src/live/viewer.ts';
import type { EventLog, NewEvent } from '../src/log/event-log.ts';
import { openPostgresLog } from '../src/log/postgres/index.ts';
import { openTail } from '../src/log/tail.ts';
import type { Bench } from './support/bench.ts';

const EVENTS = 100_000;
const EVENTS_PER_APPEND = 1_000;
const sessionId = 'a long one';

/**
 * The first open of a session of 100,000 events, nothing of it in memory: until its view is there,
 * and the longest time that the event loop was blocked meanwhile. Beside it: what plain pg takes
 * to read and parse the same rows, and how long a loop with nothing to do is blocked.
 */
export const open100k: Bench = {
  name: 'open.100k',
  async run(context) {
    const database = await context.freshDatabase();
    const log = await openPostgresLog({ connectionString: database.url, ...limits });
    await fill(log);
    const tail = await openTail(log, { bytesMax: limits.tailBytesMax });
    const feed = new Feed(log, tail, limits, (fault) => console.error(fault));
    const opened = await timed(() => open(feed));
    const idle = await timed(() => sleep(opened.took));
    feed.stop();
    await tail.stop();
    await log.close();
    const raw = await timed(() => readRaw(database.url));
    await database.drop();
    if (opened.result.revision !== EVENTS - 1) throw new Error('not opened at the head');
    return [
      { name: '', value: opened.took, unit: 'ms' },
      { name: 'raw', value: raw.took, unit: 'ms' },
      { name: 'of_raw', value: raw.took / opened.took, unit: 'ratio' },
      { name: 'stall', value: opened.stall, unit: 'ms' },
      { name: 'stall.idle', value: idle.stall, unit: 'ms' },
    ];
  },
};

/** How long work took, and the longest that the loop was blocked; in milliseconds. */
async function timed<T>(work: () => Promise<T>) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const begin = performance.now();
  const result = await work();
  const took = performance.now() - begin;
  delay.disable();
  return { result, took, stall: delay.max / 1e6 };
}

async function readRaw(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('select * from events order by position');
  await client.end();
}

/** Messages, chunks and tool calls, as an agent that writes a lot. */
async function fill(log: EventLog): Promise<void> {
  const stream = sessionStream(sessionId);
  for (let next = 0; next < EVENTS; next += EVENTS_PER_APPEND) {
    const events = Array.from({ length: EVENTS_PER_APPEND }, (_, nth) => happening(next + nth));
    await log.append({ stream, expected: next - 1, events });
  }
}

const text = 'Forty words or so, as people and agents say them. '.repeat(4);

function happening(nth: number): NewEvent {
  const messageId = `message ${Math.floor(nth / 10)}`;
  const author = { messageId, role: 'assistant', source: 'agent' };
  const [type, data] =
    nth === 0
      ? ['session.started', { source: 'web' }]
      : nth % 10 === 0
        ? ['message.started', author]
        : nth % 10 === 9
          ? ['message.completed', { ...author, content: text, tokens: 40, costNano: 7 }]
          : ['message.chunked', { messageId, from: (nth % 10) - 1, to: (nth % 10) - 1, text }];
  return {
    id: randomUUID(),
    type: type,
    v: 1,
    data,
    meta: { at: new Date().toISOString(), actor: 'key:bench', commandId: randomUUID() },
  };
}

const open = (feed: Feed): Promise<SessionOpened> =>
  new Promise((resolve, reject) => {
    const viewer: Viewer = {
      audience: { broadcast: () => undefined },
      denied: async () => undefined,
      inTurn: async (work) => work(),
      opened: resolve,
      refused: (refusal) => reject(new Error(refusal.message)),
      send: () => undefined,
      join: () => undefined,
      leave: () => undefined,
      hasRoomFor: () => true,
      closed: () => undefined,
    };
    feed.open({ sessionId }, viewer);
  });
