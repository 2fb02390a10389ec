import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway, type RunningGateway } from '../support/gateway.ts';

const CONNECT_MS = 1_000;
const PER_ADDRESS = 5;
const IN_ALL = 12;

let running: RunningGateway;
const open: Socket[] = [];

beforeAll(async () => {
  running = await startGateway({
    socketConnectMs: CONNECT_MS,
    unauthenticatedSocketsPerAddressMax: PER_ADDRESS,
    unauthenticatedSocketsMax: IN_ALL,
  });
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  while (running.unauthenticated.count > 0) await sleep(10);
});
afterAll(() => running.stop());

interface Bare {
  readonly status: number;
  readonly socket: Socket;
}

/** Upgrades to a WebSocket and never says a word, nor answers a close frame. */
async function upgrade(from: string, forwardedFor?: string): Promise<Bare> {
  const { port } = new URL(running.url);
  const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress: from });
  open.push(socket);
  socket.on('error', () => undefined);
  socket.write(
    [
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
      'Host: 127.0.0.1',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...(forwardedFor === undefined ? [] : [`X-Forwarded-For: ${forwardedFor}`]),
      '\r\n',
    ].join('\r\n'),
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  return { socket, status: Number(/^HTTP\/1\.1 (\d+)/.exec(head.toString('latin1'))?.[1]) };
}

const upgradeAll = (count: number, from: string, forwardedFor?: string): Promise<Bare[]> =>
  Promise.all(Array.from({ length: count }, () => upgrade(from, forwardedFor)));

const letIn = (all: readonly Bare[]): number => all.filter(({ status }) => status === 101).length;

it('a connection that shows no key is cut at the limit, whether or not it answers', async () => {
  const begin = performance.now();
  const { socket, status } = await upgrade('127.0.0.1');
  expect(status).toBe(101);
  socket.resume();
  await once(socket, 'close');
  const tookMs = performance.now() - begin;
  expect(tookMs).toBeGreaterThan(CONNECT_MS - 50);
  // The polite way took 30 s more.
  expect(tookMs).toBeLessThan(CONNECT_MS + 10_000);
});

it('of one address there are only so many, and new ones when those are gone', async () => {
  const all = await upgradeAll(3 * PER_ADDRESS, '127.0.0.1');
  expect(letIn(all)).toBeLessThanOrEqual(PER_ADDRESS);
  expect(running.unauthenticated.count).toBe(PER_ADDRESS);
  expect((await upgrade('127.0.0.1')).status).toBe(400);
  expect((await upgrade('127.0.0.2')).status).toBe(101);
  for (const { socket } of all) socket.destroy();
  while (running.unauthenticated.count > 1) await sleep(10);
  expect((await upgrade('127.0.0.1')).status).toBe(101);
});

it('of all addresses there are only so many', async () => {
  for (const last of [3, 4, 5, 6]) await upgradeAll(PER_ADDRESS, `127.0.0.${last}`);
  expect(running.unauthenticated.count).toBe(IN_ALL);
  expect((await upgrade('127.0.0.7')).status).toBe(400);
});

it('behind a trusted proxy the forwarded address counts, and behind no other', async () => {
  await upgradeAll(PER_ADDRESS, '127.0.0.9', '203.0.113.1');
  expect((await upgrade('127.0.0.9', '203.0.113.1')).status).toBe(400);
  expect((await upgrade('127.0.0.9', '203.0.113.2')).status).toBe(101);
  await upgradeAll(PER_ADDRESS, '127.0.0.8', '203.0.113.3');
  expect((await upgrade('127.0.0.8', '203.0.113.4')).status).toBe(400);
});

it('those with a key are not counted, and stay', async () => {
  const sockets = Array.from({ length: PER_ADDRESS }, () => running.connect());
  await Promise.all(sockets.map((socket) => once(socket as never, 'connect')));
  expect(running.unauthenticated.count).toBe(0);
  const more = running.connect();
  await once(more as never, 'connect');
  await sleep(2 * CONNECT_MS);
  expect([...sockets, more].every(({ connected }) => connected)).toBe(true);
  for (const socket of [...sockets, more]) socket.disconnect();
});
