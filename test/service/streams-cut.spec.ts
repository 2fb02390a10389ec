import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionEvent } from '@playhead/contract';
import { EventReader } from '../support/event-reader.ts';
import { until } from '../support/postgres-process.ts';
import { adminKey } from '../support/service.ts';
import { isCaughtUp, revisions, startStreaming, type Streaming } from '../support/streaming.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
let state = seed;
/** A whole number from 0 up to, and without, `below`; the same ones for the same seed. */
const random = (below: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

let streaming: Streaming;
let cable: TcpProxy;
beforeAll(async () => {
  console.log(`seed ${seed}: PLAYHEAD_TEST_SEED repeats it`);
  streaming = await startStreaming();
  cable = await startTcpProxy(streaming.service.url);
});
afterEach(() => streaming.closeAll());
afterAll(async () => {
  await cable.close();
  await streaming.stop();
});

const report: Streaming['report'] = (...about) => streaming.report(...about);

/** What a client has that comes back whenever it is cut off, as `EventSource` does. */
class Returning {
  readonly events: { id: string; data: unknown }[] = [];
  connections = 0;
  #isOver = false;
  #reader: EventReader | undefined;
  readonly #running: Promise<void>;

  constructor(path: string, key = adminKey) {
    this.#running = this.#run(path, key);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#reader?.close();
    await this.#running;
  }

  async #run(path: string, key: string): Promise<void> {
    let lastEventId: string | undefined;
    while (!this.#isOver) {
      const reader = await EventReader.open(cable.url + path, { key, lastEventId }).catch(
        (refused: Error) => {
          if (/^\d{3} /.test(refused.message)) throw refused;
        },
      );
      this.connections += 1;
      this.#reader = reader ?? undefined;
      if (this.#isOver) reader?.close();
      await reader?.over();
      const messages = reader?.blocks.filter(({ event }) => event === 'message') ?? [];
      this.events.push(...messages);
      lastEventId = reader?.lastEventId || lastEventId;
      await sleep(random(20));
    }
  }
}

describe('through a cable that is cut again and again', () => {
  const sessions = ['cut-1', 'cut-2', 'cut-3'];
  const logs = (): Promise<SessionEvent[][]> => Promise.all(sessions.map(streaming.inLog));
  const byPosition = (events: SessionEvent[][]): SessionEvent[] =>
    events.flat().sort((a, b) => (a.position < b.position ? -1 : 1));

  it('every stream has the log in the end, without a hole or a double', async () => {
    for (const name of sessions) await report(name, 0, 5);
    await streaming.service.caughtUp();
    const begin = await streaming.service.head();
    const ofSessions = sessions.map(
      (name, nth) => new Returning(`/api/sessions/${name}/stream?after=${nth - 1}`),
    );
    const ofAll = new Returning(`/api/stream?after=${begin}`);
    const ofPeers = new Returning('/api/realtime/stream');
    const clients = [...ofSessions, ofAll, ofPeers];
    for (let nth = 5; nth < 155; nth += 3) {
      for (const name of sessions) await report(name, nth, nth + 3);
      await sleep(random(30));
      if (nth % 5 === 0) cable.cut();
    }
    await sleep(400);
    await Promise.all(clients.map((client) => client.stop()));
    const all = await logs();
    expect(Math.min(...clients.map(({ connections }) => connections))).toBeGreaterThan(4);
    ofSessions.forEach(({ events }, nth) => {
      expect(events.map(({ data }) => data)).toEqual(all[nth]?.slice(nth));
    });
    const live = byPosition(all).filter(({ position }) => position > begin);
    expect(live.length).toBeGreaterThan(440);
    expect(ofAll.events.map(({ data }) => (data as SessionEvent).id)).toEqual(
      live.map(({ id }) => id),
    );
    // Greetings have no id of their own; each connection has one.
    const said = ofPeers.events
      .map(({ data }) => data as { type: string; data: { message_id: string } })
      .filter(({ type }) => type === 'message.created');
    const messages = byPosition(all).filter(({ type }) => type === 'message.posted');
    expect(said.map(({ data }) => data.message_id)).toEqual(
      messages.map(({ data }) => (data as { messageId: string }).messageId),
    );
  }, 60_000);

  it('any event is a cursor from which the rest comes, once and in order', async () => {
    const [first = []] = await logs();
    const all = byPosition(await logs());
    const idOf = ({ revision, id }: SessionEvent): string => `${revision}.${id}`;
    for (let time = 0; time < 15; time += 1) {
      const at = first[random(first.length)] as SessionEvent;
      const path = `/api/sessions/${sessions[0]}/stream`;
      const one = await streaming.open(path, { lastEventId: idOf(at) });
      await one.until(isCaughtUp(one));
      expect(one.messages()).toEqual(first.slice(at.revision + 1));
      const from = random(all.length);
      const other = await streaming.open(`/api/stream?after=${all[from]?.position}`);
      await other.until(isCaughtUp(other));
      expect(other.messages().map(({ id }) => id)).toEqual(all.slice(from + 1).map(({ id }) => id));
      one.close();
      other.close();
    }
  }, 60_000);
});

describe('a reader that takes nothing', () => {
  const MEGABYTE = 1024 * 1024;
  const LENGTH = 50_000;
  const COUNT = 305;

  it('holds up nobody, has little waiting for it, and ends with everything', async () => {
    await report('slow', 0, 1);
    await streaming.service.caughtUp();
    const head = await streaming.service.head();
    const paths = ['/api/sessions/slow/stream?after=-1', `/api/stream?after=${head}`];
    const fast = await Promise.all(paths.map((path) => streaming.open(path)));
    const slow = await Promise.all(
      [...paths, '/api/realtime/stream'].map((path) => streaming.open(path)),
    );
    await Promise.all([...fast, ...slow.slice(0, 2)].map((one) => one.until(isCaughtUp(one))));
    for (const one of slow) one.pause();
    let pendingMax = 0;
    for (let nth = 1; nth < COUNT; nth += 19) {
      const begin = Date.now();
      await report('slow', nth, nth + 19, LENGTH);
      for (const one of fast) {
        await one.until(() => one.raw.includes(`"messageId":"m${nth + 18}"`));
      }
      expect(Date.now() - begin).toBeLessThan(3_000);
      pendingMax = Math.max(pendingMax, await streaming.metric('stream_pending_bytes'));
    }
    // Two that are pushed to, and one that goes through the log by itself.
    expect(pendingMax).toBeGreaterThan(MEGABYTE);
    expect(pendingMax).toBeLessThan(2 * 4 * MEGABYTE + 2 * MEGABYTE);
    expect(fast.map((one) => one.named('behind'))).toEqual([[], []]);

    for (const one of slow) one.resume();
    const [ofSession, ofAll, ofPeers] = slow as [EventReader, EventReader, EventReader];
    const log = await streaming.inLog('slow');
    const last = log.at(-1);
    for (const one of [ofSession, ofAll]) {
      await one.until(() => one.messages().at(-1)?.id === last?.id && caughtUps(one) > 1);
      expect(one.named('behind').length).toBeGreaterThan(0);
    }
    expect(revisions(ofSession)).toEqual(log.map(({ revision }) => revision));
    expect(ofAll.messages().map(({ id }) => id)).toEqual(
      log.filter(({ position }) => position > head).map(({ id }) => id),
    );
    const said = (): unknown[] =>
      ofPeers
        .messages<{ type: string; data: { message_id: string } }>()
        .filter(({ type, data }) => type === 'message.created' && data.message_id !== undefined)
        .map(({ data }) => data.message_id)
        .filter((id) => id !== 'm0');
    const expected = Array.from({ length: log.length }, (_, nth) => `m${nth}`);
    await ofPeers.until(() => said().at(-1) === `m${COUNT - 1}`);
    expect(said().slice(-(COUNT - 1))).toEqual(expected.slice(1, COUNT));
    await until(async () => (await streaming.metric('stream_pending_bytes')) === 0);
  }, 60_000);

  const caughtUps = (one: EventReader): number => one.named('caught-up').length;
});

describe('a service that stops', () => {
  let own: Streaming;
  beforeAll(async () => {
    own = await startStreaming();
  });
  afterAll(() => own.stop());

  it('lets in who comes while it stops, so that EventSource does not give up', async () => {
    const late = await startStreaming();
    await late.session('late', 2);
    const { hostname, port } = new URL(late.service.url);
    const socket = connect(Number(port), hostname);
    const head = ['GET /api/sessions/late/stream HTTP/1.1', 'Host: x'];
    socket.write([...head, `Authorization: Bearer ${adminKey}`, 'Accept: '].join('\r\n'));
    await sleep(100);
    const stopped = late.service.stop();
    await until(() =>
      fetch(late.service.url).then(
        () => false,
        () => true,
      ),
    );
    socket.write('*/*\r\n\r\n');
    const got = await text(socket);
    expect(got).toMatch(/^HTTP\/1\.1 200 /);
    expect(got).toMatch(/retry: \d{4,5}\n\nevent: closed\ndata: .*"shutting-down"/);
    expect(await stopped).toBe(0);
    await late.stop();
  }, 60_000);

  it('tells each stream to come back at another time, and waits for none of them', async () => {
    await own.session('last', 2);
    await own.report('much', 0, 1);
    const sleeper = await own.open('/api/sessions/much/stream?after=-1');
    sleeper.pause();
    await own.report('much', 1, 200, 90_000);
    await own.service.caughtUp();
    const path = '/api/sessions/last/stream?after=-1';
    const readers = await Promise.all(Array.from({ length: 40 }, () => own.open(path)));
    readers.push(await own.open('/api/stream'));
    await Promise.all(readers.map((one) => one.until(isCaughtUp(one))));
    readers.push(await own.open('/api/realtime/stream?conversationId=last'));
    expect(await own.metric('stream_pending_bytes')).toBeGreaterThan(0);
    const stopped = Date.now();
    expect(await own.service.stop()).toBe(0);
    expect(Date.now() - stopped).toBeLessThan(3_000);
    await Promise.all(readers.map((one) => one.over()));
    for (const one of readers) {
      expect(one.named('closed')).toMatchObject([{ code: 'shutting-down', retry: true }]);
      expect(one.retryMs).toBeGreaterThanOrEqual(2_000);
    }
    expect(new Set(readers.map(({ retryMs }) => retryMs)).size).toBeGreaterThan(20);
  }, 60_000);
});
