import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyCreated } from '@playhead/contract';
import { io } from 'socket.io-client';
import { limits } from '../../src/config.ts';
import { eventually } from '../support/log-events.ts';
import { post, total, TwoNodes, type } from '../support/two-node-viewers.ts';
import { adminKey } from '../support/service.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

/* What viewers tell each other, and who is there, over nodes that share a database. */

let nodes: TwoNodes;

beforeAll(async () => {
  nodes = await TwoNodes.start();
}, 120_000);
afterEach(() => nodes.leave());
afterAll(() => nodes.stop());

it('typing on one node reaches viewers on the other with its expiry, and nobody else', async () => {
  await nodes.pair(await nodes.session());
  const [sessionId, other] = [await nodes.session(), await nodes.session()];
  const typist = await nodes.sit(nodes.first, sessionId);
  const [beside, reader] = [
    await nodes.sit(nodes.first, sessionId),
    await nodes.sit(nodes.second, sessionId),
  ];
  const stranger = await nodes.sit(nodes.second, other);
  const { rows: before } = await nodes.rows.query('select count(*), max(position) from events');

  await type(typist, sessionId, { data: { in: 'box' } });
  await type(typist, sessionId, { active: false });
  await type(typist, sessionId);
  await eventually('three signals', () => reader.signals.length === 3);
  const from = reader.presence.at(-1)?.viewers[0]?.id;
  expect(reader.signals[0]).toEqual({
    ...{ sessionId, kind: 'typing', from, data: { in: 'box' } },
    expiresInMs: limits.typingMs,
  });
  expect(reader.signals.map(({ expiresInMs }) => expiresInMs)).toEqual([5_000, 0, 5_000]);
  typist.socket.disconnect();
  await eventually('the typist is gone', () => reader.signals.length === 4 && total(reader) === 2);
  expect(reader.signals[3]).toEqual({ sessionId, kind: 'typing', from, expiresInMs: 0 });
  expect(beside.signals).toEqual(reader.signals);
  expect([...typist.signals, ...stranger.signals]).toEqual([]);
  expect((await nodes.rows.query('select count(*), max(position) from events')).rows).toEqual(
    before,
  );
});

it('everybody sees who is there on all nodes, by name and number', async () => {
  const sessionId = await nodes.session();
  const keys = await Promise.all(
    ['ann', 'bob'].map(
      async (holder) =>
        (await post(nodes.first, '/api/keys', {
          name: holder,
          scopes: ['read', 'write'],
        })) as KeyCreated,
    ),
  );
  const [ann, bob] = keys.map(({ key }) => key);
  const all = [
    await nodes.sit(nodes.first, sessionId, ann),
    await nodes.sit(nodes.second, sessionId, ann),
    await nodes.sit(nodes.second, sessionId, bob),
  ];
  await eventually('all see three', () => all.every((seat) => total(seat) === 3));
  const [annId, bobId] = keys.map(({ id }) => `key:${id}`);
  const named = [
    { id: annId, sockets: 2 },
    { id: bobId, sockets: 1 },
  ].sort((a, b) => ((a.id ?? '') < (b.id ?? '') ? -1 : 1));
  for (const { presence } of all) {
    expect(presence.at(-1)).toEqual({ sessionId, total: 3, viewers: named });
  }
  await all[1]!.socket.emitWithAck('session:close', { sessionId });
  all[2]!.socket.disconnect();
  await eventually('one is left', () => total(all[0]!) === 1);
  expect(all[0]!.presence.at(-1)?.viewers).toEqual([{ id: annId, sockets: 1 }]);
});

it('a node that starts knows who is elsewhere; one that is killed is gone within seconds', async () => {
  const sessionId = await nodes.session();
  const here = await nodes.sit(nodes.first, sessionId);
  const third = await nodes.third();
  const there = await nodes.sit(third, sessionId);
  await eventually('it sees both', () => total(there) === 2, 4_000);
  await eventually('it is seen', () => total(here) === 2);
  await type(here, sessionId);
  await eventually('it receives it', () => there.signals.length === 1);
  await third.kill();
  await eventually('its viewer is gone', () => total(here) === 1, 6_000);
}, 30_000);

it('a node that stops takes its viewers with it at once', async () => {
  const sessionId = await nodes.session();
  const here = await nodes.sit(nodes.first, sessionId);
  const third = await nodes.third();
  await nodes.sit(third, sessionId);
  await eventually('it is seen', () => total(here) === 2);
  await third.stop();
  await eventually('its viewer is gone', () => total(here) === 1, 1_000);
}, 30_000);

it('many sessions cost few notifications, and quiet nodes one a beat', async () => {
  const ids = await Promise.all(Array.from({ length: 60 }, () => nodes.session()));
  await nodes.pair(await nodes.session());
  let received = 0;
  nodes.rows.on('notification', () => (received += 1));
  await nodes.rows.query(`listen playhead_nodes`);
  const many = await Promise.all([1, 2, 3].map(() => nodes.sit(nodes.first, ids[0]!)));
  for (const { socket } of many) {
    for (const sessionId of ids) socket.emit('session:open', { sessionId }, () => undefined);
  }
  const far = await nodes.sit(nodes.second, ids[59]!);
  await eventually('all are seen', () => total(far) === 4);
  const [busy] = [received, await sleep(1_500)];
  received = 0;
  const since = Date.now();
  await sleep(2_000);
  const beats = (Date.now() - since) / limits.nodeHeartbeatMs + 1;
  await nodes.rows.query(`unlisten playhead_nodes`);
  expect(busy).toBeLessThan(30);
  expect(received).toBeLessThanOrEqual(2 * beats);
  expect(received).toBeGreaterThanOrEqual(2);
});

it('the limit of a session holds for what comes from all nodes together', async () => {
  const sessionId = await nodes.session();
  const typists = await Promise.all(
    Array.from({ length: 14 }, (_, nth) =>
      nodes.sit(nth % 2 ? nodes.first : nodes.second, sessionId),
    ),
  );
  const reader = await nodes.sit(nodes.second, sessionId);
  const arrivals: number[] = [];
  reader.socket.on('session:signal', () => arrivals.push(performance.now()));
  await eventually('all are seen', () => total(reader) === 15);
  await Promise.all(
    typists.flatMap(({ socket }) =>
      Array.from({ length: limits.signalsPerSecond }, () =>
        socket.emitWithAck('signal', { sessionId, kind: 'typing' }),
      ),
    ),
  );
  await sleep(300);
  const soon = arrivals.filter((at) => at < (arrivals[0] ?? 0) + 600);
  expect(soon.length).toBeGreaterThan(20);
  expect(soon.length).toBeLessThanOrEqual(limits.sessionSignalsPerSecond);
});

it('who does not read gets no signals and keeps the session, and later sees who is there', async () => {
  const sessionId = await nodes.session();
  const cable = await startTcpProxy(nodes.second.url);
  const pending = async (): Promise<number> => {
    const { text } = await nodes.second.request('/metrics');
    return Number(/pending_bytes (\d+)/.exec(text)?.[1]);
  };
  const slow = await nodes.sitOn(
    io(cable.url, { transports: ['websocket'], forceNew: true, auth: { token: adminKey } }),
    sessionId,
  );
  const closed: unknown[] = [];
  const revisions: number[] = [];
  slow.socket.on('session:closed', (got) => closed.push(got));
  slow.socket.on('session:events', ({ events }) =>
    revisions.push(...events.map(({ revision }) => revision)),
  );
  const [typist, reader] = [
    await nodes.sit(nodes.first, sessionId),
    await nodes.sit(nodes.second, sessionId),
  ];
  await eventually('all are seen', () => total(slow) === 3);
  cable.squeeze();
  let said = 0;
  for (; (await pending()) < 2 * limits.replayBytesMax; said += 1) {
    const content = 'x'.repeat(60_000);
    await post(nodes.first, `/api/sessions/${sessionId}/commands/message.post`, { content });
  }
  // What was written last may still be on its way to the second node.
  let waiting = await pending();
  for (let before = -1; before !== waiting; waiting = await pending()) {
    before = waiting;
    await sleep(500);
  }
  const late = await nodes.sit(nodes.second, sessionId);
  for (let nth = 0; nth < 20; nth += 1) {
    await type(typist, sessionId, { data: { text: 'x'.repeat(900) } });
    await sleep(110);
  }
  await eventually('the others receive it', () => reader.signals.length === 20);
  await eventually('the others see', () => total(reader) === 4);
  expect(late.signals).toHaveLength(20);
  expect(await pending()).toBeLessThanOrEqual(waiting);
  cable.release();
  await eventually('it has read', () => revisions.length === said && total(slow) === 4);
  expect([...slow.signals, ...closed]).toEqual([]);
  expect(revisions).toEqual(Array.from({ length: said }, (_, nth) => nth + 1));
  await type(typist, sessionId);
  await eventually('it receives again', () => slow.signals.length === 1);
  await cable.close();
}, 60_000);
