import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionBehind, SessionPresence } from '@playhead/contract';
import { startGateway, type RunningGateway } from '../support/gateway.ts';
import { streamMessage } from '../support/streamed-message.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { ReconnectingViewer } from '../support/reconnecting-viewer.ts';

const LENGTH = 20_000;
const MEGABYTE = 1024 * 1024;

describe('a viewer who does not read', () => {
  let running: RunningGateway;
  let cable: TcpProxy;

  beforeAll(async () => {
    running = await startGateway();
    cable = await startTcpProxy(running.url);
  });
  afterAll(async () => {
    await cable.close();
    await running.stop();
  });

  it('falls behind and comes back complete, while the one beside it gets everything at once', async () => {
    const sessionId = 'much is said here';
    await streamMessage(running.log, sessionId, { to: 10 });
    const slow = new ReconnectingViewer(running.connect({}, cable.url), sessionId);
    const fast = new ReconnectingViewer(running.connect(), sessionId);
    await slow.open();
    await fast.open();
    await slow.through(9);
    cable.squeeze();
    let pendingMax = 0;
    // Far more than sockets between the two can hold.
    for (let from = 10; from < 1_010; from += 50) {
      await streamMessage(running.log, sessionId, { from, to: from + 50, length: LENGTH });
      await fast.through(from + 49);
      pendingMax = Math.max(pendingMax, running.gateway.pendingBytes);
    }
    expect(fast.faults).toEqual([]);
    expect(pendingMax).toBeGreaterThan(MEGABYTE);
    expect(pendingMax).toBeLessThan(running.limits.viewerBytesMax + MEGABYTE);
    expect([running.subscriptions.viewers, running.subscriptions.behind]).toEqual([2, 1]);
    const behind: SessionBehind[] = [];
    slow.socket.on('session:behind', (got) => behind.push(got));
    const presence: SessionPresence[] = [];
    slow.socket.on('session:presence', (got) => presence.push(got));
    // It goes on being slow for a while: behind more than once, and live in between.
    cable.release();
    await streamMessage(running.log, sessionId, { from: 1_010, to: 1_110, length: LENGTH });
    await slow.through(1_109);
    await streamMessage(running.log, sessionId, { from: 1_110, to: 1_111 });
    await slow.through(1_110);
    expect(slow.events.map(({ revision }) => revision)).toEqual(
      Array.from({ length: 1_101 }, (_, nth) => nth + 10),
    );
    expect([...slow.faults, ...slow.closed]).toEqual([]);
    expect(running.subscriptions.behind).toBe(0);
    expect(behind[0]?.sessionId).toBe(sessionId);
    expect(behind[0]?.revision).toBeLessThan(1_000);
    // What it was not sent in the room while it was out of it.
    expect(presence.at(-1)).toMatchObject({ sessionId, total: 2 });
  }, 240_000);

  it('of a replay has no more waiting for it than a few pages, and loses nothing', async () => {
    const sessionId = 'long';
    await streamMessage(running.log, sessionId, { to: 1_000, length: LENGTH });
    const slow = new ReconnectingViewer(running.connect({}, cable.url), sessionId);
    await slow.open({ after: -1 });
    cable.squeeze();
    await sleep(1_000);
    const pending = running.gateway.pendingBytes;
    await sleep(300);
    expect(running.gateway.pendingBytes).toBe(pending);
    expect(pending).toBeLessThan(3 * running.limits.replayBytesMax);
    expect(slow.isCaughtUp).toBe(false);
    // What is said meanwhile is not held for it.
    await streamMessage(running.log, sessionId, { from: 1_000, to: 1_300, length: LENGTH });
    expect(running.gateway.pendingBytes).toBe(pending);
    cable.release();
    await slow.through(1_299);
    expect(slow.events).toHaveLength(1_300);
    expect([...slow.faults, ...slow.closed]).toEqual([]);
  }, 240_000);

  it('but asks and asks is cut before the answers pile up', async () => {
    const own = await startGateway({ viewerBytesMax: 256 * 1024 });
    const ownCable = await startTcpProxy(own.url);
    const socket = own.connect({}, ownCable.url);
    const gone = new Promise((resolve) => socket.once('disconnect', resolve));
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    ownCable.squeeze();
    let pendingMax = 0;
    for (let nth = 0; nth < 2_000 && own.gateway.sockets > 0; nth += 1) {
      for (let times = 0; times < 100; times += 1) {
        socket.emit('session:open', { sessionId: 'x'.repeat(300) }, () => undefined);
      }
      await sleep(1);
      pendingMax = Math.max(pendingMax, own.gateway.pendingBytes);
    }
    expect(own.gateway.sockets).toBe(0);
    expect(pendingMax).toBeGreaterThan(own.limits.viewerBytesMax);
    expect(pendingMax).toBeLessThan(3 * own.limits.viewerBytesMax);
    await ownCable.close();
    await gone;
    await own.stop();
  }, 240_000);
});
