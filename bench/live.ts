import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import type { Bench } from './support/bench.ts';
import { HttpConnection } from './support/http-connection.ts';
import { now, recordLoop } from './support/recorded-loop.ts';
import { adminKey, startBareServer, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';
import {
  playhead,
  socketIo,
  viewerOptions,
  type ComparedServer,
} from './support/compared-servers.ts';
import { postSteadily } from './support/steady-posts.ts';

const ROOMS = 100;
const VIEWERS_PER_ROOM = 10;
const EVENTS_PER_SECOND = 500;
/** The service is compiled while it runs, and goes on being so for a while at this rate. */
const WARM_UP_MS = 20_000;
const MEASURE_MS = 4_000;
const CONNECTIONS = 16;

/**
 * From posting a message until a viewer has it: 1,000 viewers in 100 sessions, 500 messages a
 * second (each to ten viewers), beside Socket.IO that sends on what is posted without keeping it.
 * With it go the turns of the service's event loop meanwhile: nothing is delivered during one, so
 * the longest make the latencies at the end. The longest themselves are printed with what ran.
 */
export const live: Bench = {
  name: 'live',
  async run(context) {
    const database = await context.freshDatabase();
    const recording = await recordLoop();
    const service = await startService(database.url, '0', recording.env);
    recording.begin(service);
    const ours = await measure(playhead, service.url);
    const { figures, longest } = await recording.end(ours.measured);
    for (const turn of longest) console.log(`live.turn\t${turn}`);
    await service.stop();
    await database.drop();
    const bare = await startBareServer();
    const others = await measure(socketIo, bare.url);
    await bare.stop();
    return [
      { name: 'p50', value: quantile(ours.latencies, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours.latencies, 0.99), unit: 'ms' },
      { name: 'bare.p50', value: quantile(others.latencies, 0.5), unit: 'ms' },
      { name: 'bare.p99', value: quantile(others.latencies, 0.99), unit: 'ms' },
      { name: 'delivered', value: ours.latencies.length, unit: 'messages' },
      ...figures,
    ];
  },
};

async function measure(side: ComparedServer, url: string) {
  const rooms = Array.from({ length: ROOMS }, (_, nth) => `room-${nth}`);
  const writers = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      HttpConnection.open(new URL(side.path, url), adminKey),
    ),
  );
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
  const rate = { perSecond: EVENTS_PER_SECOND, warmUpMs: WARM_UP_MS, measureMs: MEASURE_MS };
  const begun = now();
  await postSteadily({ ...rate, writers, rooms, sent, body: (...about) => side.body(...about) });
  const measured = { from: begun + WARM_UP_MS * 1_000, until: now() };
  await sleep(500);
  for (const socket of sockets) socket.disconnect();
  for (const writer of writers) writer.close();
  return { latencies, measured };
}
