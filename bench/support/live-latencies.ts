import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { viewerOptions, type ComparedServer } from './compared-servers.ts';
import { now } from './recorded-loop.ts';
import { openWriters, postSteadily } from './steady-posts.ts';

const ROOMS = 100;
const VIEWERS_PER_ROOM = 10;
const EVENTS_PER_SECOND = 500;
const MEASURE_MS = 4_000;
const CONNECTIONS = 16;

/**
 * Milliseconds from posting a message until each of its viewers has it: 1,000 viewers in 100
 * sessions, 500 messages a second. `measured` is the time of it, in microseconds.
 */
export async function measureLatencies(side: ComparedServer, url: string, warmUpMs: number) {
  // Nobody has posted to these before.
  const begin = Date.now();
  const rooms = Array.from({ length: ROOMS }, (_, nth) => `room-${begin}-${nth}`);
  const writers = await openWriters(new URL(side.path, url), CONNECTIONS);
  for (const room of rooms) await writers[0]?.post(side.body(room, 'first'));
  const sent = new Map<string, number>();
  const latencies: number[] = [];
  const saw = (message: string): void => {
    const at = sent.get(message);
    if (at !== undefined) latencies.push(performance.now() - at);
  };
  const sockets: Socket[] = [];
  for (const room of rooms) {
    const joining = Array.from({ length: VIEWERS_PER_ROOM }, () => {
      const socket = io(url, viewerOptions);
      sockets.push(socket);
      return side.watch(socket, room, saw);
    });
    await Promise.all(joining);
  }
  const rate = { perSecond: EVENTS_PER_SECOND, warmUpMs, measureMs: MEASURE_MS };
  const begun = now();
  await postSteadily({ ...rate, writers, rooms, sent, body: (...about) => side.body(...about) });
  const measured = { from: begun + warmUpMs * 1_000, until: now() };
  await sleep(500);
  for (const socket of sockets) socket.disconnect();
  for (const writer of writers) writer.close();
  return { latencies, measured };
}
