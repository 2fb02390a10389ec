import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionOpened } from '@playhead/contract';
import pg from 'pg';
import { limits } from '../src/config.ts';
import { SessionSubscriptions } from '../src/live/session/session-subscriptions.ts';
import type { SessionViewer } from '../src/live/session/session-viewer.ts';
import { openPostgresLog, PostgresSnapshots } from '../src/log/postgres/index.ts';
import { openTail } from '../src/log/tail.ts';
import type { Bench } from './support/bench.ts';
import { LONG, writeLong } from './support/long-session.ts';

const sessionId = 'a long one';

/**
 * The first open of a session of 100,000 events, nothing of it in memory: until its view is there,
 * and the longest time that the event loop was blocked meanwhile; then the open by another node,
 * from the snapshot that the first left. Beside it: what plain pg takes to read and parse the same
 * rows, and how long a loop with nothing to do is blocked.
 */
export const open100k: Bench = {
  name: 'open.100k',
  async run(context) {
    const database = await context.freshDatabase();
    const options = { connectionString: database.url, ...limits };
    const log = await openPostgresLog(options);
    await writeLong(log, sessionId);
    const tail = await openTail(log, { bytesMax: limits.tailBytesMax });
    const snapshots = new PostgresSnapshots(options);
    const openCold = async () => {
      const subscriptions = new SessionSubscriptions({ log, tail, snapshots }, limits, (fault) =>
        console.error(fault),
      );
      const opened = await timed(() => open(subscriptions));
      subscriptions.stop();
      if (opened.result.revision !== LONG - 1) throw new Error('not opened at the head');
      return opened;
    };
    const opened = await openCold();
    const idle = await timed(() => sleep(opened.took));
    const again = await openCold();
    await snapshots.close();
    await tail.stop();
    await log.close();
    const raw = await timed(() => readRaw(database.url));
    await database.drop();
    return [
      { name: '', value: opened.took, unit: 'ms' },
      { name: 'raw', value: raw.took, unit: 'ms' },
      { name: 'of_raw', value: raw.took / opened.took, unit: 'ratio' },
      { name: 'snapshotted', value: again.took, unit: 'ms' },
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

const open = (subscriptions: SessionSubscriptions): Promise<SessionOpened> =>
  new Promise((resolve, reject) => {
    const viewer: SessionViewer = {
      audience: { broadcast: () => undefined },
      denied: async () => undefined,
      whenDrained: async (work) => work(),
      opened: resolve,
      refused: (refusal) => reject(new Error(refusal.message)),
      send: () => undefined,
      join: () => undefined,
      behind: () => undefined,
      leave: () => undefined,
      hasRoomFor: () => true,
      closed: () => undefined,
    };
    subscriptions.open({ sessionId }, viewer);
  });
