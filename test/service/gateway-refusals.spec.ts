import { setTimeout as sleep } from 'node:timers/promises';
import { refusal as refusalSchema } from '@playhead/contract';
import fc from 'fast-check';
import type { Socket } from 'socket.io-client';
import { KeyRow } from '../../src/access/keys.ts';
import { ingestKey, readKey, startGateway, type RunningGateway } from '../support/gateway.ts';
import { streamMessage } from '../support/streamed-message.ts';
import { ReconnectingViewer } from '../support/reconnecting-viewer.ts';
import { repeats } from '../support/repeats.ts';

const RUNS = repeats({ few: 300, all: 600 });
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
const sessionId = 'there is one';

/** A socket whose types do not keep it from sending anything. */
type Untyped = Socket<
  Record<string, (...args: unknown[]) => void>,
  Record<string, (...args: unknown[]) => void>
>;

describe('the gateway', () => {
  let running: RunningGateway;

  beforeAll(async () => {
    running = await startGateway();
    await streamMessage(running.log, sessionId, { to: 3 });
  });
  afterAll(() => running.stop());

  const refused = async (options: object): Promise<unknown> => {
    const socket = running.connect(options);
    const error = await new Promise<Error & { data?: unknown }>((resolve, reject) => {
      socket.once('connect_error', resolve);
      socket.once('connect', () => reject(new Error('it was let in')));
    });
    socket.disconnect();
    return error.data;
  };

  describe('lets nobody connect', () => {
    it('without a key, or with one that is none', async () => {
      const unauthenticated = { code: 'unauthenticated', retry: false };
      const tokens = [
        undefined,
        '',
        'wrong',
        `${readKey} `,
        7,
        null,
        [readKey],
        { token: readKey },
      ];
      for (const token of tokens) {
        expect(await refused({ auth: { token } })).toMatchObject(unauthenticated);
      }
      expect(await refused({ auth: {} })).toMatchObject(unauthenticated);
    });

    it('with a key in the address, where it would end up in logs', async () => {
      const inQuery = { auth: {}, query: { token: readKey } };
      expect(await refused(inQuery)).toMatchObject({ code: 'unauthenticated' });
      const inHeader = { auth: {}, extraHeaders: { authorization: `Bearer ${readKey}` } };
      expect(await refused(inHeader)).toMatchObject({ code: 'unauthenticated' });
    });

    it('with a key that may not read', async () => {
      expect(await refused({ auth: { token: ingestKey } })).toMatchObject({ code: 'forbidden' });
    });

    it('to any namespace but its own', async () => {
      const socket = running.connect();
      const other = socket.io.socket('/admin', { auth: { token: readKey } });
      const error = await new Promise<Error>((resolve) => other.once('connect_error', resolve));
      expect(error.message).toBe('Invalid namespace');
      socket.disconnect();
    });
  });

  it('opens nothing for a key that was revoked after it connected', async () => {
    const key = await running.keys.create('for a while', ['read']);
    const watcher = new ReconnectingViewer(running.connect({ auth: { token: key } }), sessionId);
    expect(await watcher.open()).toMatchObject({ ok: true });
    const rows = running.database.getRepository(KeyRow);
    await rows.update({ name: 'for a while' }, { revokedAt: new Date() });
    await sleep(20);
    const again = await watcher.open({ after: 0 });
    expect(again).toMatchObject({ ok: false, code: 'unauthenticated' });
  });

  it('names the field at fault', async () => {
    const socket = running.connect() as unknown as Untyped;
    const cases: [unknown, string | undefined][] = [
      [{}, 'sessionId'],
      [{ sessionId: 7 }, 'sessionId'],
      [{ sessionId: 'a\nb' }, 'sessionId'],
      [{ sessionId, after: -2 }, 'after'],
      [{ sessionId, after: 1.5 }, 'after'],
      [{ sessionId, after: '1' }, 'after'],
      [{ sessionId, after: 1, afterId: 'x' }, 'afterId'],
      [{ sessionId, after: -1, afterId: '0c0b4c1e-3ab7-4f3b-8f53-6a8f2f1f5d01' }, 'afterId'],
      [{ sessionId, aftre: 1 }, 'aftre'],
      [null, undefined],
      [[{ sessionId }], undefined],
      [JSON.parse('['.repeat(2_000) + ']'.repeat(2_000)), undefined],
    ];
    for (const [payload, field] of cases) {
      const answer: unknown = await socket.emitWithAck('session:open', payload);
      expect(answer).toMatchObject({ ok: false, code: 'invalid', retry: false });
      expect((answer as { field?: string }).field).toBe(field);
    }
    socket.disconnect();
  });

  it('tells by an event what it refuses to who gave no acknowledgement function', async () => {
    const socket = running.connect() as unknown as Untyped;
    const got: unknown[] = [];
    socket.on('refused', (refusal) => got.push(refusal));
    socket.emit('session:open', { sessionId });
    socket.emit('session:close', 'what?');
    socket.emit('session:destroy');
    await socket.emitWithAck('session:close', { sessionId });
    expect(got).toMatchObject([
      { event: 'session:destroy', code: 'invalid' },
      { event: 'session:open', code: 'invalid', message: 'needs an acknowledgement function' },
      { event: 'session:close', code: 'invalid' },
    ]);
    socket.disconnect();
  });

  it(`answers anything at all with a code, and lives (seed ${seed})`, async () => {
    const socket = running.connect() as unknown as Untyped;
    const anything = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }),
      fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
      fc.record({ sessionId: fc.jsonValue(), after: fc.jsonValue() }, { requiredKeys: [] }),
      fc.record({ sessionId: fc.string(), after: fc.maxSafeInteger(), afterId: fc.uuid() }),
      fc.record({ sessionId: fc.constant(sessionId), after: fc.integer({ min: 3 }) }),
      fc.constantFrom({ __proto__: null }, { toString: 1 }, { constructor: { name: 1 } }),
      fc.constantFrom('x'.repeat(15_000), Array(5_000).fill(null), { sessionId: 'é'.repeat(200) }),
    );
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('session:open', 'session:close') },
      { weight: 1, arbitrary: fc.string().filter((name) => !RESERVED.has(name)) },
    );
    const requests = fc.tuple(event, fc.array(anything, { maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(requests, async ([name, args]) => {
        const answer: unknown = await socket.timeout(5_000).emitWithAck(name, ...args);
        if ((answer as { ok: boolean }).ok) return expect(name).toBe('session:close');
        const { ok: _, ...refusal } = answer as { ok: boolean };
        expect(refusalSchema.strict().parse(refusal).code).toMatch(
          /^(invalid|not-found|cursor-unknown)$/,
        );
        expect(JSON.stringify(answer).length).toBeLessThan(1_000);
      }),
      { numRuns: RUNS, seed },
    );
    expect(socket.connected).toBe(true);
    const watcher = new ReconnectingViewer(socket, sessionId);
    expect(await watcher.open()).toMatchObject({ ok: true, revision: 2 });
    expect(running.faults).toEqual([]);
    socket.disconnect();
  }, 240_000);

  it('outlives messages that are too large and packets that are none', async () => {
    const beside = new ReconnectingViewer(running.connect(), sessionId);
    await beside.open();
    const nested = '['.repeat(25_000) + ']'.repeat(25_000);
    const packets = [
      ...['', '2', '2[', '2["session:open"', '2{}', '2[7]', '2["disconnect"]', '9', '[]', '0[]'],
      ...['0{"token":"x"}', '1', '2/admin,["x"]', '3[]', '37["x"]', '4', '51-["x"]', '5999-["x"]'],
      ...['51-["session:open",{"_placeholder":true,"num":9}]', '61-["x"]', '2["error","x"]'],
      ...[`27["session:open",${nested}]`, `51-["session:open",${nested}]`],
      `27["session:open","${'x'.repeat(100_000)}"]`,
    ];
    for (const packet of packets) {
      const socket = running.connect();
      await new Promise<void>((resolve) => socket.once('connect', resolve));
      socket.io.engine.write(packet);
      socket.io.engine.write(Buffer.from('nobody waits for this'));
      await sleep(20);
      socket.disconnect();
    }
    await streamMessage(running.log, sessionId, { from: 3, to: 5 });
    await beside.through(4);
    expect([...beside.faults, ...running.faults]).toEqual([]);
  });
});

/** Names that the client's library refuses to send. */
const RESERVED = new Set([
  ...['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'],
]);
