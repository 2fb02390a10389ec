import type { KeyCreated, SessionEvent } from '@playhead/contract';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { RunningService, type Answer, type ViewerSocket } from '../support/service.ts';
import { ReconnectingViewer } from '../support/reconnecting-viewer.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let database: TestDatabase;
let first: RunningService;
let second: RunningService;
let rows: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  const env = { DATABASE_URL: database.url };
  [first, second] = await Promise.all([RunningService.start(env), RunningService.start(env)]);
  rows = new pg.Client({ connectionString: database.url });
  await rows.connect();
}, 240_000);

afterAll(async () => {
  await rows.end();
  await Promise.all([first.stop(), second.stop()]);
  await database.drop();
});

const ask = (path: string, body: object = {}): Promise<Answer> =>
  first.request(path, { type: 'application/json', body: JSON.stringify(body) });

const create = async (body: object): Promise<KeyCreated> => {
  const answer = await ask('/api/keys', body);
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body as KeyCreated;
};

const revoke = (id: string): Promise<Answer> => ask(`/api/keys/${id}/revoke`);

describe('a socket whose key is revoked', () => {
  const sessionId = 'watched by two';
  let spoken = 0;
  let speaking: Promise<void> = Promise.resolve();
  let isOver = false;

  const speak = async (): Promise<void> => {
    while (!isOver) {
      spoken += 1;
      await ask(`/api/sessions/${encodeURIComponent(sessionId)}/commands/message.post`, {
        content: `message ${spoken}`,
      });
      await sleep(10);
    }
  };

  beforeAll(async () => {
    await ask('/api/sessions', { sessionId });
    speaking = speak();
  });
  afterAll(async () => {
    isOver = true;
    await speaking;
  });

  /** Opens the session with a key, and notes when what came last came. */
  const watch = async (node: RunningService, key?: string) => {
    const socket: ViewerSocket = key === undefined ? node.connect() : node.connect(key);
    const watcher = new ReconnectingViewer(socket, sessionId);
    const seen = { lastAt: 0, refused: [] as unknown[], ended: '' };
    socket.onAny(() => (seen.lastAt = Date.now()));
    socket.on('refused', (refusal) => seen.refused.push(refusal));
    socket.on('disconnect', (reason) => (seen.ended = reason));
    expect(await watcher.open()).toMatchObject({ ok: true });
    return { socket, watcher, seen };
  };

  const latest = ({ watcher }: { watcher: ReconnectingViewer }): SessionEvent | undefined =>
    watcher.events.at(-1);

  it.each(['the log tells it', 'only the database tells it'])(
    'gets nothing more within a second when %s, on this node and on another',
    async (how) => {
      const { id, key } = await create({ name: 'viewer', scopes: ['read'] });
      const theirs = [await watch(first, key), await watch(second, key)];
      const others = [await watch(first), await watch(second)];
      await sleep(200);
      for (const one of [...theirs, ...others]) expect(latest(one)).toBeDefined();

      if (how === 'the log tells it') await revoke(id);
      else await rows.query('update keys set revoked_at = now() where id = $1', [id]);
      const revokedAt = Date.now();
      await sleep(1_000);
      const before = others.map((one) => latest(one)?.revision ?? -1);
      await sleep(500);

      for (const { socket, watcher, seen } of theirs) {
        expect(seen.lastAt).toBeLessThan(revokedAt + 1_000);
        expect(socket.connected).toBe(false);
        expect(watcher.closed).toMatchObject([{ sessionId, code: 'unauthenticated' }]);
        expect(watcher.faults).toEqual([]);
        expect(seen.refused).toMatchObject([{ event: 'connect', code: 'unauthenticated' }]);
      }
      // However slow the machine is, the others get what comes.
      for (const [nth, { socket, watcher, seen }] of others.entries()) {
        await watcher.through((before[nth] ?? 0) + 6);
        expect(socket.connected).toBe(true);
        expect(seen.refused).toEqual([]);
        expect(watcher.faults).toEqual([]);
        socket.close();
      }
      const late = first.connect(key);
      const error = await new Promise<Error & { data?: unknown }>((resolve) =>
        late.once('connect_error', resolve),
      );
      expect(error.data).toMatchObject({ code: 'unauthenticated', retry: false });
    },
  );

  it('is cut when it does not read, with what waited for it', async () => {
    const { id, key } = await create({ name: 'sleeper', scopes: ['read'] });
    const { socket, seen } = await watch(first, key);
    const transport = (socket.io.engine.transport as unknown as { ws: { _socket: NodeSocket } }).ws;
    transport._socket.pause();
    await ask(`/api/sessions/${encodeURIComponent(sessionId)}/commands/message.post`, {
      content: 'x'.repeat(100_000),
    });
    await revoke(id);
    await sleep(1_000);
    expect(await sockets()).toBe(0);
    transport._socket.resume();
    await sleep(200);
    expect(seen.ended).not.toBe('');
  });

  const sockets = async (): Promise<number> => {
    const { text } = await first.request('/metrics');
    return Number(/^playhead_sockets (\d+)/m.exec(text)?.[1]);
  };
});

interface NodeSocket {
  pause(): void;
  resume(): void;
}
