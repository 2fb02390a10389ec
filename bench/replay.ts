import { once } from 'node:events';
import { io, type Socket } from 'socket.io-client';
import type { SessionFrame } from '@playhead/contract';
import type { Bench } from './support/bench.ts';
import { lightParser } from './support/light-parser.ts';
import { adminKey, startService } from './support/program.ts';
import { beginSession } from './support/bench-session.ts';

const EVENTS = 10_000;
const AT_ONCE = 100;

/** From opening a session of 10,000 events at its beginning until all of them have come. */
export const replay: Bench = {
  name: 'replay.10k',
  async run(context) {
    const database = await context.freshDatabase();
    const session = await beginSession(database.url);
    while (session.revision < EVENTS - 1) await session.speak(Math.min(500, EVENTS - 1));
    const service = await startService(database.url);
    const { sessionId, revision } = session;
    const open = { sessionId, after: -1 };
    // The first loads and compiles what all others use.
    await replayed(service.url, open, revision);
    const one = await replayed(service.url, open, revision);
    const all = await Promise.all(
      Array.from({ length: AT_ONCE }, () => replayed(service.url, open, revision, lightParser)),
    );
    await service.stop();
    await session.close();
    await database.drop();
    return [
      { name: '', value: one, unit: 'ms' },
      { name: 'at_once_100', value: Math.max(...all), unit: 'ms' },
    ];
  },
};

async function replayed(
  url: string,
  open: object,
  last: number,
  parser?: typeof lightParser,
): Promise<number> {
  const socket: Socket = io(url, {
    ...{ transports: ['websocket'], forceNew: true, auth: { token: adminKey } },
    ...(parser && { parser }),
  });
  await once(socket as never, 'connect');
  const begin = performance.now();
  let through = -1;
  const whole = new Promise<void>((resolve) => {
    socket.on('session:events', (frame: SessionFrame) => {
      if (frame.from !== through + 1) throw new Error(`a hole before ${frame.from}`);
      through = frame.through;
      if (through === last) resolve();
    });
  });
  socket.emit('session:open', open, () => undefined);
  await whole;
  const took = performance.now() - begin;
  socket.disconnect();
  return took;
}
