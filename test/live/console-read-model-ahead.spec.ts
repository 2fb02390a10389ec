import { sessionStream, type ConsoleFrame } from '@playhead/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../src/config.ts';
import { ConsoleSubscriptions } from '../../src/live/console/console-subscriptions.ts';
import { openMemoryLog } from '../../src/log/memory/index.ts';
import { openTail } from '../../src/log/tail.ts';
import { newEvent, posted, type Happening } from '../support/histories.ts';
import { eventually } from '../support/read-models.ts';
import { ConsoleClient, ConsoleRooms } from './console-client.ts';
import { LaggingModel } from './lagging-read-model.ts';

const fail = (fault: unknown): never => {
  throw fault;
};

class NotingRooms extends ConsoleRooms {
  readonly frames: ConsoleFrame[] = [];

  override broadcast(room: string, frame: ConsoleFrame): void {
    this.frames.push(frame);
    super.broadcast(room, frame);
  }
}

it('a listed session is sent by its changes, though the read model was there first', async () => {
  const log = openMemoryLog();
  const tail = await openTail(log, { bytesMax: limits.tailBytesMax });
  // Whenever it is asked it has taken all that there is.
  const list: LaggingModel = new LaggingModel(log, () => list.project(100));
  const console = new ConsoleSubscriptions({ log, tail, list, limits, onFault: fail });
  const rooms = new NotingRooms();
  const parts = { console, rooms, pause: async () => sleep(1), isSlow: () => false };
  const client = new ConsoleClient({ ...parts, filter: {}, withEvents: false });
  const write = (happening: Happening) =>
    log.append({
      stream: sessionStream(happening.sessionId),
      expected: 'any',
      events: [newEvent(happening)],
    });
  const start = (sessionId: string) => ({ sessionId, type: 'session.started', data: {} });
  for (const sessionId of ['one', 'two']) await write(start(sessionId));
  try {
    client.open(true);
    await eventually(() => client.isCaughtUp);
    await write(posted('one', 1));
    await write({ sessionId: 'two', type: 'session.renamed', data: { name: 'changed' } });
    await eventually(() => rooms.frames.flatMap(({ patches }) => patches).length >= 2);
    const got = rooms.frames.flatMap(({ patches }) => patches);
    expect(got.map(({ type }) => type)).toEqual(['session.updated', 'session.updated']);
    expect(got[1]).toMatchObject({ changes: { name: 'changed' } });
    expect(client.faults).toEqual([]);
  } finally {
    console.stop();
    await tail.stop();
    await log.close();
  }
});
