import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import type { Bench } from './support/bench.ts';
import { HttpConnection } from './support/http-connection.ts';
import { adminKey, startBareServer, startService, type Program } from './support/program.ts';
import {
  playhead,
  socketIo,
  viewerOptions,
  type ComparedServer,
} from './support/compared-servers.ts';

/** They warm up what is loaded once. */
const BEFORE = 500;
const VIEWERS = 2_000;
const ROOMS = 100;
const SETTLE_MS = 3_000;

/** Resident memory that a server takes for a viewer who watches a room, beside bare Socket.IO. */
export const memory: Bench = {
  name: 'memory.viewer',
  async run(context) {
    const database = await context.freshDatabase();
    const ours = await measure(playhead, await startService(database.url));
    await database.drop();
    const bare = await measure(socketIo, await startBareServer());
    return [
      { name: '', value: ours / 1_024, unit: 'KiB' },
      { name: 'bare', value: bare / 1_024, unit: 'KiB' },
      { name: 'of_bare', value: ours / bare, unit: 'ratio' },
    ];
  },
};

async function measure(side: ComparedServer, server: Program): Promise<number> {
  const writer = await HttpConnection.open(new URL(side.path, server.url), adminKey);
  const rooms = Array.from({ length: ROOMS }, (_, nth) => `room-${nth}`);
  for (const room of rooms) await writer.post(side.body(room, 'first'));
  const sockets: Socket[] = [];
  const join = async (count: number): Promise<void> => {
    for (let nth = 0; nth < count; nth += 1) {
      const socket = io(server.url, viewerOptions);
      sockets.push(socket);
      await side.watch(socket, rooms[nth % ROOMS] ?? '', () => undefined);
    }
  };
  await join(BEFORE);
  await sleep(SETTLE_MS);
  const before = server.memory();
  await join(VIEWERS);
  await sleep(SETTLE_MS);
  const grown = server.memory() - before;
  for (const socket of sockets) socket.disconnect();
  writer.close();
  await server.stop();
  return grown / VIEWERS;
}
