import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';
import type { Bench } from './support/bench.ts';
import { HttpConnection } from './support/http-connection.ts';
import { adminKey, startBareServer, startService, type Program } from './support/program.ts';
import { quantile } from './support/quantile.ts';
import {
  playhead,
  socketIo,
  viewerOptions,
  type ComparedServer,
} from './support/compared-servers.ts';

const VIEWERS = 1_000;
/** Of which latencies are measured. */
const PER_SECOND = 10;
const STEADY_MS = 5_000;
const WARM_UP_MS = 3_000;
const FULL_MS = 5_000;
const WRITERS = 8;

/**
 * One room with 1,000 viewers, beside bare Socket.IO: deliveries a second when messages are posted
 * as fast as they are answered; and from posting until a viewer has it, ten messages a second.
 */
export const fanout: Bench = {
  name: 'fanout.1000',
  async run(context) {
    const database = await context.freshDatabase();
    const ours = await measure(playhead, await startService(database.url));
    await database.drop();
    const bare = await measure(socketIo, await startBareServer());
    return [
      { name: '', value: ours.perSecond, unit: 'deliveries/s' },
      { name: 'bare', value: bare.perSecond, unit: 'deliveries/s' },
      { name: 'of_bare', value: ours.perSecond / bare.perSecond, unit: 'ratio' },
      { name: 'p50', value: quantile(ours.latencies, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours.latencies, 0.99), unit: 'ms' },
      { name: 'bare.p50', value: quantile(bare.latencies, 0.5), unit: 'ms' },
      { name: 'bare.p99', value: quantile(bare.latencies, 0.99), unit: 'ms' },
    ];
  },
};

async function measure(side: ComparedServer, server: Program) {
  const to = new URL(side.path, server.url);
  const open = () => HttpConnection.open(to, adminKey);
  const writers = await Promise.all(Array.from({ length: WRITERS }, open));
  const [first] = writers;
  await first?.post(side.body('room', 'first'));
  const sent = new Map<string, number>();
  const latencies: number[] = [];
  let deliveries = 0;
  const saw = (message: string): void => {
    deliveries += 1;
    const at = sent.get(message);
    if (at !== undefined) latencies.push(performance.now() - at);
  };
  const sockets = Array.from({ length: VIEWERS }, () => io(server.url, viewerOptions));
  await Promise.all(sockets.map((socket) => side.watch(socket, 'room', saw)));

  let posted = 0;
  const full = async (until: number): Promise<void> => {
    const write = async (writer: HttpConnection): Promise<void> => {
      while (performance.now() < until) await writer.post(side.body('room', `m${(posted += 1)}`));
    };
    await Promise.all(writers.map(write));
  };
  await full(performance.now() + WARM_UP_MS);
  // What is posted must have come before anything more is measured.
  await sleep(2_000);
  const begin = performance.now();
  deliveries = 0;
  const postedBefore = posted;
  await full(begin + FULL_MS);
  const due = (posted - postedBefore) * VIEWERS;
  while (deliveries < due) await sleep(5);
  const perSecond = (deliveries * 1_000) / (performance.now() - begin);

  for (let nth = 0; nth < (STEADY_MS * PER_SECOND) / 1_000; nth += 1) {
    await sleep(1_000 / PER_SECOND);
    sent.set(`steady ${nth}`, performance.now());
    await first?.post(side.body('room', `steady ${nth}`));
  }
  await sleep(500);
  for (const socket of sockets) socket.disconnect();
  for (const writer of writers) writer.close();
  await server.stop();
  return { perSecond, latencies };
}
