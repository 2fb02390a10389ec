import { once } from 'node:events';
import { cp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';
import { limits } from '../../src/config.ts';
import { processesIn, temporaryFolder, until } from '../support/postgres-process.ts';
import { Program } from '../support/program.ts';
import {
  folderKey,
  messageBody,
  messagesIn,
  postMessage,
  startIn,
} from '../support/service-in-folder.ts';

let prepared: string;
let folder: string;
let dataDir: string;
/** What a test has opened to the service. */
const opened: (() => unknown)[] = [];

beforeAll(async () => {
  prepared = await temporaryFolder();
  const service = startIn(prepared);
  await service.url();
  expect(await service.stop()).toBe(0);
});

afterAll(() => rm(prepared, { recursive: true }));

beforeEach(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder, 'data');
});

afterEach(async () => {
  for (const close of opened.splice(0)) close();
  await Program.killAll();
  expect(processesIn(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

/** Starts in a copy of a folder that has everything but sessions, which takes less time. */
const startPrepared = async (command?: readonly string[]): Promise<Program> => {
  await cp(prepared, dataDir, { recursive: true });
  return startIn(dataDir, command);
};

const connectTo = (url: string): Socket => {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  opened.push(() => socket.destroy());
  return socket;
};

/** A viewer that does not leave by itself. */
const view = async (url: string): Promise<void> => {
  const viewer = io(url, { auth: { token: folderKey }, transports: ['websocket'] });
  opened.push(() => viewer.close());
  await once(viewer as never, 'connect');
};

/** A report whose second half is not sent yet; resolves once the service has read its head. */
const sendHalf = async (url: string, body: string): Promise<Socket> => {
  const socket = connectTo(url);
  socket.write(
    [
      'POST /api/ingest HTTP/1.1',
      'Host: playhead',
      `Authorization: Bearer ${folderKey}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      'Expect: 100-continue',
      `\r\n${body.slice(0, 20)}`,
    ].join('\r\n'),
  );
  const [got] = (await once(socket, 'data')) as [Buffer];
  expect(got.toString()).toContain('100 Continue');
  return socket;
};

const isClosed = async (url: string): Promise<boolean> =>
  fetch(`${url}/health/live`).then(
    () => false,
    () => true,
  );

describe('Ctrl-C', () => {
  it('stops well: what is under way is answered, Postgres goes, nothing is lost', async () => {
    const service = await startPrepared([process.execPath, 'scripts/start.mjs']);
    const url = await service.url();
    const ids = Array.from({ length: 20 }, (_, nth) => `message ${nth}`);
    for (const id of ids) await postMessage(url, id);
    await view(url);
    const body = messageBody('the last');
    const half = await sendHalf(url, body);

    // npm passes the terminal's signal on to who has had it already.
    const got = Date.now();
    service.signalGroup('SIGINT');
    service.signalGroup('SIGINT');
    await until(() => isClosed(url));
    half.write(body.slice(20));
    const [answer] = (await once(half, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 201 /);
    expect(await service.ended).toBe(0);
    expect(Date.now() - got).toBeLessThan(limits.shutdownGraceMs / 2);
    // That it runs on a copy of the prepared folder is all there is to say.
    const said = service.stderr.split('\n').filter((line) => !line.includes('is a copy'));
    expect(said.join('\n')).toBe('');
    expect(processesIn(folder)).toEqual([]);
    expect(await messagesIn(dataDir)).toEqual([...ids, 'the last']);
  });

  it('stops npm start', async () => {
    const service = await startPrepared(['npm', 'start']);
    await postMessage(await service.url(), 'kept');
    service.signalGroup('SIGINT');
    // A shell that the signal ended as well makes npm end by it.
    expect([0, null]).toContain(await service.ended);
    await until(() => processesIn(folder).length === 0);
    expect(await messagesIn(dataDir)).toEqual(['kept']);
  });

  it('said again after a while waits for nobody, and Postgres goes all the same', async () => {
    const service = await startPrepared();
    const url = await service.url();
    await postMessage(url, 'kept');
    await sendHalf(url, messageBody('never whole'));
    service.signalGroup('SIGINT');
    await until(() => isClosed(url));
    await sleep(1_200);
    expect(service.isOver).toBe(false);
    service.signalGroup('SIGINT');
    expect(await service.ended).toBe(1);
    await until(() => processesIn(folder).length === 0);
    expect(await messagesIn(dataDir)).toEqual(['kept']);
  });
});

describe('SIGTERM', () => {
  it('waits for who does not finish no longer than it says', async () => {
    const service = await startPrepared();
    const url = await service.url();
    await postMessage(url, 'kept');
    await view(url);
    await sendHalf(url, messageBody('never whole'));
    const got = Date.now();
    expect(await service.stop()).toBe(0);
    const took = Date.now() - got;
    expect(took).toBeGreaterThan(limits.shutdownGraceMs - 500);
    expect(took).toBeLessThan(limits.shutdownGraceMs + 3_000);
    expect(await messagesIn(dataDir)).toEqual(['kept']);
  });

  it('does not wait for who says nothing at all, as browsers that connect ahead', async () => {
    const service = await startPrepared();
    await once(connectTo(await service.url()), 'connect');
    const got = Date.now();
    expect(await service.stop()).toBe(0);
    expect(Date.now() - got).toBeLessThan(limits.shutdownGraceMs / 2);
  });
});
