import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionEvent } from '@playhead/contract';
import { connect, limits, RefusedError, type Client, type Session } from '@playhead/client';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/postgres-process.ts';
import { adminKey, ingestKey, RunningService } from '../support/service.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const CUT_EVERY_MS = 300;
const LASTS_MS = 4_000;

let databases: [TestDatabase, TestDatabase];
let service: RunningService;
let cable: TcpProxy;
const clients: Client[] = [];

const start = (nth: 0 | 1, port = '0'): Promise<RunningService> =>
  RunningService.start({ DATABASE_URL: databases[nth].url, PORT: port });

beforeAll(async () => {
  databases = [await freshDatabase(), await freshDatabase()];
  service = await start(0);
  cable = await startTcpProxy(service.url);
}, 240_000);

afterAll(async () => {
  for (const client of clients) client.close();
  await cable.close();
  await service.stop();
  for (const database of databases) await database.drop();
});

const clientAt = (url: string, token = adminKey): Client => {
  const client = connect({ url, token });
  clients.push(client);
  return client;
};

/** Asks until it is answered, with one effect however often. */
const post = async (sessionId: string, type: string, data: object): Promise<void> => {
  const headers = { 'idempotency-key': randomUUID() };
  const options = { type: 'application/json', body: JSON.stringify(data), headers };
  for (;;) {
    const path = `/api/sessions/${sessionId}/commands/${type}`;
    const answer = await service.request(path, options).catch(() => undefined);
    if (answer && answer.status < 300) return;
    await sleep(20);
  }
};

const logOf = async (sessionId: string): Promise<SessionEvent[]> => {
  const events: SessionEvent[] = [];
  for (;;) {
    const path = `/api/sessions/${sessionId}/events?limit=1000&after=${events.length - 1}`;
    const page = (await service.get<{ events: SessionEvent[] }>(path)).events;
    events.push(...page);
    if (page.length === 0) return events;
  }
};

/** What an iteration has given so far, and how it ended. */
const reading = (session: Session) => {
  const read: { readonly events: SessionEvent[]; ended?: unknown } = { events: [] };
  const run = async (): Promise<void> => {
    for await (const event of session.events) read.events.push(event);
  };
  run().then(
    () => (read.ended = 'closed'),
    (failure: unknown) => (read.ended = failure),
  );
  return read;
};

/** The session is live and as it is for one who opens it now; the reader has its whole log. */
async function judge(session: Session, read: { readonly events: SessionEvent[] }): Promise<void> {
  const log = await logOf(session.id);
  await until(() => session.revision === log.length - 1 && session.status === 'live');
  await until(() => read.events.length >= log.length);
  expect(read.events).toEqual(log);
  const fresh = clientAt(service.url).openSession(session.id);
  await until(() => fresh.view !== undefined);
  expect(session.view).toEqual(fresh.view);
  expect(session.resets).toBe(0);
}

/** Each command is in the log once, under the message id that it named. */
async function judgeOnce(session: Session, messageIds: readonly string[]): Promise<void> {
  const posted = (await logOf(session.id))
    .filter(({ type }) => type === 'message.posted')
    .map(({ data }) => (data as { messageId: string }).messageId);
  const ours = posted.filter((messageId) => messageIds.includes(messageId));
  expect(ours.sort()).toEqual([...messageIds].sort());
}

describe('a client', () => {
  it('loses, doubles and swaps nothing through cut cables and a crash of the service', async () => {
    await post('disconnected', 'session.start', { name: 'Tea' });
    const session = clientAt(cable.url).openSession('disconnected', { after: -1 });
    const read = reading(session);
    const seen = new Set<string>();
    session.subscribe(() => seen.add(session.status));
    await until(() => session.status === 'live');
    const end = Date.now() + LASTS_MS;
    let cuts = 0;
    let isOver = false;
    const cutting = async (): Promise<void> => {
      while (!isOver) {
        await sleep(CUT_EVERY_MS);
        cable.cut();
        cuts += 1;
      }
    };
    const writing = async (): Promise<void> => {
      for (let nth = 0; !isOver; nth += 1) {
        await post('disconnected', 'message.post', {
          messageId: `w${nth}`,
          content: `line ${nth}`,
        });
      }
    };
    const messageIds: string[] = [];
    const asking = async (): Promise<void> => {
      const answers: Promise<unknown>[] = [];
      while (!isOver) {
        const messageId = `c${messageIds.length}`;
        messageIds.push(messageId);
        answers.push(session.command('message.post', { messageId, content: 'asked' }));
        await sleep(10);
      }
      await Promise.all(answers);
    };
    const crashing = async (): Promise<void> => {
      await sleep(LASTS_MS / 2);
      const { port } = new URL(service.url);
      await service.kill();
      service = await start(0, port);
      await sleep(Math.max(1_000, end - Date.now()));
      isOver = true;
    };
    await Promise.all([cutting(), writing(), asking(), crashing()]);
    await judge(session, read);
    await judgeOnce(session, messageIds);
    expect(cuts).toBeGreaterThan(10);
    expect(read.events.length).toBeGreaterThan(300);
    expect([...seen]).toEqual(expect.arrayContaining(['connecting', 'replaying', 'live']));
    session.close();
    await until(() => read.ended === 'closed');
  }, 60_000);

  it('keeps commands that are given while it is cut off, and each has one effect', async () => {
    await post('offline', 'session.start', { name: 'Tea' });
    const session = clientAt(cable.url).openSession('offline', { after: -1 });
    const read = reading(session);
    await until(() => session.status === 'live');
    cable.unplug();
    await until(() => session.status === 'connecting');
    session.typing(true);
    const messageIds = Array.from({ length: 50 }, (_, nth) => `o${nth}`);
    const answers = messageIds.map((messageId) =>
      session.command('message.post', { messageId, content: 'later' }),
    );
    await sleep(300);
    cable.plug();
    for (const answer of await Promise.all(answers)) expect(answer.appended).toBe(true);
    await judgeOnce(session, messageIds);
    await judge(session, read);
    await expect(session.command('session.rename', { name: '' })).rejects.toMatchObject({
      code: 'invalid',
      field: 'name',
    });
    await session.command('session.end', {});
    await until(() => session.view?.session.status === 'COMPLETED');
  }, 60_000);

  it('shows question, text, tool call and text in the order in which each began', async () => {
    await post('turn', 'session.start', {});
    const session = clientAt(service.url).openSession('turn');
    const steps: [string, object][] = [
      ['message.post', { messageId: 'question', content: 'Which tests fail?' }],
      ['message.start', { messageId: 'text' }],
      ['message.append', { messageId: 'text', index: 0, text: 'I run them' }],
      ['tool.call', { callId: 'call', tool: 'bash', input: { command: 'npm test' } }],
      ['message.append', { messageId: 'text', index: 1, text: ' now.' }],
      ['tool.output', { callId: 'call', text: '1 failed' }],
      ['message.post', { messageId: 'more', content: 'One so far.' }],
      ['tool.finish', { callId: 'call', exitCode: 1 }],
    ];
    for (const [nth, [type, data]] of steps.entries()) {
      await post('turn', type, data);
      const opened = clientAt(service.url).openSession('turn');
      await until(() => opened.revision > nth && session.revision === opened.revision);
      expect(session.view?.timeline).toEqual(opened.view?.timeline);
    }
    expect(session.view?.timeline.entries).toMatchObject([
      { startedRevision: 0, event: { type: 'session.started' } },
      { startedRevision: 1, message: { content: 'Which tests fail?' } },
      { startedRevision: 2, message: { content: 'I run them now.' } },
      { startedRevision: 4, tool: { output: '1 failed', exitCode: 1 } },
      { startedRevision: 7, message: { content: 'One so far.' } },
    ]);
  }, 60_000);

  it('gives a slow reader everything, though it keeps a bounded part', async () => {
    await post('long', 'session.start', { name: 'Tea' });
    const session = clientAt(service.url).openSession('long', { after: -1 });
    await until(() => session.status === 'live');
    const iterator = session.events[Symbol.asyncIterator]();
    const wanted = Math.round(limits.eventsBufferedMax * 2.5);
    for (let nth = 0; nth < wanted; nth += 500) {
      const some = Array.from({ length: 500 }, (_, at) =>
        session.command('message.post', { content: `line ${nth + at}` }),
      );
      await Promise.all(some);
    }
    await until(() => session.revision === wanted);
    const log = await logOf('long');
    for (const event of log) expect((await iterator.next()).value).toEqual(event);
    const next = iterator.next();
    await session.command('session.rename', { name: 'Coffee' });
    expect((await next).value).toMatchObject({ revision: log.length, type: 'session.renamed' });
    const never = iterator.next();
    await iterator.return();
    expect(await never).toEqual({ done: true, value: undefined });
  }, 60_000);

  it('tells others on its behalf that somebody types', async () => {
    await post('typing', 'session.start', {});
    const session = clientAt(service.url).openSession('typing');
    await until(() => session.status === 'live');
    const friend = service.connect();
    const signals: unknown[] = [];
    friend.on('session:signal', (signal) => signals.push(signal));
    await friend.emitWithAck('session:open', { sessionId: 'typing' });
    session.typing(true);
    await until(() => signals.length === 1);
    session.typing(false);
    await until(() => signals.length === 2);
    friend.disconnect();
    expect(signals).toMatchObject([
      { sessionId: 'typing', kind: 'typing' },
      { sessionId: 'typing', kind: 'typing', expiresInMs: 0 },
    ]);
  });

  it.each([
    ['unauthenticated', 'wrong'],
    ['forbidden', ingestKey],
  ])('is closed for good, as %s, with a key that is refused', async (code, key) => {
    const client = clientAt(service.url, key);
    const session = client.openSession('disconnected');
    const read = reading(session);
    const waiting = session.command('session.rename', { name: 'x' }).catch((one: unknown) => one);
    await until(() => session.status === 'closed');
    expect(session.refusal?.code).toBe(code);
    expect(await waiting).toMatchObject({ name: 'RefusedError', code });
    await until(() => read.ended !== undefined);
    expect(read.ended).toBeInstanceOf(RefusedError);
    expect(client.openSession('other').refusal?.code).toBe(code);
  });

  it('closes one session for good when there is none, and no other', async () => {
    const client = clientAt(service.url);
    const [none, session] = [client.openSession('nobody'), client.openSession('disconnected')];
    await until(() => none.status === 'closed' && session.status === 'live');
    expect(none.refusal?.code).toBe('not-found');
    session.close();
    const again = client.openSession('disconnected');
    await until(() => again.status === 'live');
    client.close();
    expect([again.status, again.refusal]).toEqual(['closed', undefined]);
    await expect(again.command('session.resume', {})).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('begins again, and says so, when another log answers', async () => {
    await post('other', 'session.start', { name: 'Tea' });
    const session = clientAt(cable.url).openSession('other', { after: -1 });
    const read = reading(session);
    await until(() => read.events.length === 1 && session.status === 'live');
    const { port } = new URL(service.url);
    await service.stop();
    cable.unplug();
    service = await start(1, port);
    await post('other', 'session.start', { name: 'Coffee' });
    cable.plug();
    await until(() => session.view?.session.name === 'Coffee' || session.status === 'closed');
    expect(session.refusal).toBeUndefined();
    expect(session.resets).toBe(1);
    await until(() => read.ended !== undefined);
    expect(read.ended).toMatchObject({ code: 'cursor-unknown' });
    const again = reading(session);
    await post('other', 'session.rename', { name: 'Water' });
    await until(() => again.events.length === 1);
    expect(again.events).toMatchObject([{ revision: 1, type: 'session.renamed' }]);
  }, 60_000);
});
