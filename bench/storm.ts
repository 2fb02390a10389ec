import { connect, type Session } from '@playhead/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './support/bench.ts';
import { adminKey, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';
import { beginSession } from './support/bench-session.ts';

const VIEWERS = 1_000;

/**
 * 1,000 viewers of one session, whose node is killed and started again: how long after it listens
 * again each is live, with what was written meanwhile. Beside it: the same after a SIGTERM.
 */
export const storm: Bench = {
  name: 'storm.1000',
  async run(context) {
    const database = await context.freshDatabase();
    const spoken = await beginSession(database.url);
    await spoken.speak(300);
    let service = await startService(database.url);
    const { port } = new URL(service.url);
    const clients = Array.from({ length: VIEWERS }, () =>
      connect({ url: service.url, token: adminKey }),
    );
    const sessions = clients.map((client) => client.openSession(spoken.sessionId));
    await Promise.all(sessions.map((session) => come(session, spoken.revision)));
    const back: number[][] = [];
    for (const signal of ['SIGKILL', undefined] as const) {
      await service.stop(signal);
      await spoken.speak(10);
      service = await startService(database.url, port);
      const since = performance.now();
      const coming = sessions.map((session) => come(session, spoken.revision));
      back.push((await Promise.all(coming)).map((at) => at - since));
    }
    for (const client of clients) client.close();
    await service.stop();
    await spoken.close();
    await database.drop();
    const [killed = [], stopped = []] = back;
    return [
      { name: 'p50', value: quantile(killed, 0.5), unit: 'ms' },
      { name: 'p95', value: quantile(killed, 0.95), unit: 'ms' },
      { name: 'max', value: Math.max(...killed), unit: 'ms' },
      { name: 'sigterm.p95', value: quantile(stopped, 0.95), unit: 'ms' },
      { name: 'lost', value: lost(sessions, spoken.revision), unit: 'viewers' },
    ];
  },
};

const lost = (sessions: readonly Session[], revision: number): number =>
  sessions.filter((session) => session.revision !== revision || session.resets > 0).length;

/** When the session is live and at a revision; Infinity after a minute. */
async function come(session: Session, revision: number): Promise<number> {
  const isThere = (): boolean => session.status === 'live' && session.revision === revision;
  const late = new AbortController();
  const there = new Promise<number>((resolve) => {
    const look = (): void => {
      if (!isThere()) return;
      resolve(performance.now());
      stop();
    };
    const stop = session.subscribe(look);
    look();
  });
  const never = sleep(60_000, Infinity, late).catch(() => Infinity);
  return Promise.race([there, never]).finally(() => late.abort());
}
