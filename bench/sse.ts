import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './support/bench.ts';
import { adminKey, startBareSseServer, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';
import { reportedMessage } from './support/reported.ts';
import { openWriters, postSteadily } from './support/steady-posts.ts';

const ROOMS = 20;
const VIEWERS_PER_ROOM = 10;
const EVENTS_PER_SECOND = 200;
const WARM_UP_MS = 5_000;
const MEASURE_MS = 4_000;
const CONNECTIONS = 8;

/** A server under test: where to post a message, and where a room's events are streamed. */
interface Side {
  readonly url: string;
  readonly path: string;
  body(room: string, message: string): string;
  stream(room: string): string;
}

/**
 * From posting a message until a stream's reader has it: 200 readers in 20 sessions, 200 messages a
 * second (each to ten readers), beside Node's own HTTP server that sends on what is posted.
 */
export const sse: Bench = {
  name: 'sse',
  async run(context) {
    const database = await context.freshDatabase();
    const service = await startService(database.url);
    const ours = await measure({
      url: service.url,
      path: '/api/ingest',
      body: reportedMessage,
      stream: (room) => `/api/sessions/${room}/stream`,
    });
    await service.stop();
    await database.drop();
    const bare = await startBareSseServer();
    const others = await measure({
      url: bare.url,
      path: '/',
      body: (room, message) =>
        JSON.stringify({ room, event: JSON.parse(reportedMessage(room, message)) as unknown }),
      stream: (room) => `/${room}`,
    });
    await bare.stop();
    return [
      { name: 'p50', value: quantile(ours, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours, 0.99), unit: 'ms' },
      { name: 'bare.p50', value: quantile(others, 0.5), unit: 'ms' },
      { name: 'bare.p99', value: quantile(others, 0.99), unit: 'ms' },
      { name: 'delivered', value: ours.length, unit: 'messages' },
    ];
  },
};

async function measure(side: Side): Promise<number[]> {
  const rooms = Array.from({ length: ROOMS }, (_, nth) => `room-${nth}`);
  const writers = await openWriters(new URL(side.path, side.url), CONNECTIONS);
  for (const room of rooms) await writers[0]?.post(side.body(room, 'first'));
  const sent = new Map<string, number>();
  const latencies: number[] = [];
  const saw = (message: string): void => {
    const at = sent.get(message);
    if (at !== undefined) latencies.push(performance.now() - at);
  };
  const readers: Socket[] = [];
  for (const room of rooms) {
    for (let nth = 0; nth < VIEWERS_PER_ROOM; nth += 1) {
      readers.push(await read(new URL(side.stream(room), side.url), saw));
    }
  }
  const rate = { perSecond: EVENTS_PER_SECOND, warmUpMs: WARM_UP_MS, measureMs: MEASURE_MS };
  await postSteadily({ ...rate, writers, rooms, sent, body: (...about) => side.body(...about) });
  await sleep(500);
  for (const reader of readers) reader.destroy();
  for (const writer of writers) writer.close();
  return latencies;
}

/** Reads a stream with as little as possible between: a slow reader would be measured instead. */
async function read(url: URL, saw: (message: string) => void): Promise<Socket> {
  const socket = connect(Number(url.port), url.hostname);
  socket.setEncoding('latin1');
  let rest = '';
  socket.on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      // The service has it under the one name, who sends on what was posted under the other.
      const [, message] = /"message(?:Id|_id)":"(message \d+)"/.exec(block) ?? [];
      if (message !== undefined) saw(message);
    }
  });
  const head = [`GET ${url.pathname} HTTP/1.1`, `Host: ${url.host}`];
  socket.write([...head, `Authorization: Bearer ${adminKey}`, '\r\n'].join('\r\n'));
  await once(socket, 'data');
  return socket;
}
