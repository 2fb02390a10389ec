import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandDone, KeyCreated, SessionEvent } from '@playhead/contract';
import { connect, limits, type Client, type Token } from '@playhead/client';
import { io } from 'socket.io-client';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/postgres-process.ts';
import { RunningService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;
const clients: Client[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
}, 240_000);

afterAll(async () => {
  for (const client of clients) client.close();
  await service.stop();
  await database.drop();
});

const clientWith = (token: Token): Client => {
  const client = connect({ url: service.url, token });
  clients.push(client);
  return client;
};

const post = async (path: string, body: object): Promise<unknown> => {
  const headers = { 'idempotency-key': randomUUID() };
  const options = { type: 'application/json', body: JSON.stringify(body), headers };
  const answer = await service.request(path, options);
  if (answer.status > 299) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.body;
};

const newKey = async (): Promise<KeyCreated> =>
  (await post('/api/keys', { name: 'viewer', scopes: ['read', 'write'] })) as KeyCreated;

const revoke = ({ id }: KeyCreated): Promise<unknown> => post(`/api/keys/${id}/revoke`, {});

const start = (sessionId: string): Promise<unknown> => post('/api/sessions', { sessionId });

const say = (sessionId: string, content: string): Promise<unknown> =>
  post(`/api/sessions/${sessionId}/commands/message.post`, { content });

const logOf = async (sessionId: string): Promise<SessionEvent[]> =>
  (await service.get<{ events: SessionEvent[] }>(`/api/sessions/${sessionId}/events?limit=1000`))
    .events;

const contentsOf = (events: readonly SessionEvent[]): unknown[] =>
  events.map(({ data }) => (data as { content?: unknown }).content).filter((one) => one);

describe('a client whose token is a function', () => {
  it('loses and doubles nothing when its key is revoked and it is given another', async () => {
    await start('renewed');
    const keys = [await newKey(), await newKey(), await newKey()] as const;
    let calls = 0;
    const client = clientWith(async () => {
      const key = keys[Math.min(calls, 2)]?.key ?? '';
      calls += 1;
      await sleep(20);
      return key;
    });
    const session = client.openSession('renewed', { after: -1 });
    // It has a connection of its own, as the service has each session once on a socket.
    const beside = client.openSession('renewed');
    const list = client.openConsole({}, { events: true });
    const listed: SessionEvent[] = [];
    list.onEvents((events) => listed.push(...events));
    const statuses = new Set<string>();
    for (const open of [session, beside, list]) {
      open.subscribe(() => statuses.add(open.status));
    }
    const read: SessionEvent[] = [];
    const reading = (async () => {
      for await (const event of session.events) read.push(event);
    })();
    const areLive = () => [session, beside, list].every(({ status }) => status === 'live');
    await until(areLive);
    const asked: string[] = [];
    const answers: Promise<unknown>[] = [];
    const speakUntil = async (isOver: () => boolean): Promise<void> => {
      const least = asked.length + 20;
      while (!isOver() || asked.length < least) {
        const content = `asked ${asked.length}`;
        asked.push(content);
        answers.push(session.command('message.post', { content }));
        await say('renewed', `said ${asked.length}`);
      }
    };
    for (const [nth, key] of [keys[0], keys[1]].entries()) {
      const revoked = revoke(key);
      await speakUntil(() => calls === nth + 2 && areLive());
      await revoked;
    }
    await Promise.all(answers);
    const log = await logOf('renewed');
    await until(() => read.length >= log.length && beside.revision === log.length - 1);
    expect(read).toEqual(log);
    const contents = contentsOf(log).filter((content) => asked.includes(content as string));
    expect(contents.sort()).toEqual([...asked].sort());
    await until(() => listed.length >= log.length - 1);
    const received = listed.filter(({ sessionId }) => sessionId === 'renewed');
    expect(received).toEqual(log.filter(({ id }) => received.some((one) => one.id === id)));
    expect(contentsOf(received)).toEqual(contentsOf(log));
    expect(beside.view).toEqual(session.view);
    expect([session.resets, beside.resets, list.snapshot.resets]).toEqual([0, 0, 0]);
    expect(statuses).not.toContain('closed');
    expect(statuses).toContain('connecting');
    // Connections that lost the same key share one call.
    expect(calls).toBe(3);
    session.close();
    await reading;
  }, 60_000);

  it('has its commands known again under another key by its secret, and by nothing less', async () => {
    await start('known again');
    const keys = [await newKey(), await newKey()];
    const secrets = [randomUUID(), randomUUID()] as const;
    const answers: { secret: string | undefined; appended: boolean }[] = [];
    for (const secret of [...secrets, 'too-short', undefined]) {
      for (const { key } of keys) {
        const socket = io(service.url, {
          ...{ transports: ['websocket'], forceNew: true },
          auth: { token: key, ...(secret === undefined ? {} : { client: secret }) },
        });
        const answer = (await socket.emitWithAck('command', {
          ...{ id: 'c1', sessionId: 'known again', type: 'message.post' },
          data: { content: 'once' },
        })) as CommandDone;
        answers.push({ secret, appended: answer.appended });
        socket.disconnect();
      }
    }
    expect(answers.filter(({ secret }) => secret === secrets[0])).toEqual([
      { secret: secrets[0], appended: true },
      { secret: secrets[0], appended: false },
    ]);
    // One for each secret, and one for each key without: what is short is taken as none.
    expect(answers.filter(({ appended }) => appended)).toHaveLength(4);
    expect(contentsOf(await logOf('known again'))).toHaveLength(4);
  });

  it('closes with the refusal when the function keeps answering the refused key', async () => {
    await start('same');
    const key = await newKey();
    let calls = 0;
    const client = clientWith(() => {
      calls += 1;
      return key.key;
    });
    const session = client.openSession('same');
    await until(() => session.status === 'live');
    const waiting = revoke(key).then(() => session.command('session.rename', { name: 'x' }));
    await expect(waiting).rejects.toMatchObject({ code: 'unauthenticated', retry: false });
    await until(() => session.status === 'closed');
    expect(session.refusal).toMatchObject({ code: 'unauthenticated', retry: false });
    expect(client.openSession('other').refusal?.code).toBe('unauthenticated');
    const counts = [limits.tokenTriesMax, limits.tokenTriesMax + 1];
    expect(counts).toContain(calls);
  }, 60_000);

  it('asks again while the function fails, and for as long as it answers other keys', async () => {
    await start('failing');
    const key = await newKey();
    const wrong = Array.from({ length: limits.tokenTriesMax + 1 }, (_, nth) => `ph_wrong_${nth}`);
    const given: (string | Error)[] = [new Error('signed out'), ...wrong, key.key];
    let calls = 0;
    const client = clientWith(async () => {
      const next = given[calls] ?? key.key;
      calls += 1;
      if (next instanceof Error) throw next;
      return Promise.resolve(next);
    });
    const session = client.openSession('failing');
    await until(() => session.status === 'live');
    expect(calls).toBe(given.length);
  }, 60_000);

  it('is not asked again when only the connection was lost', async () => {
    await start('lost');
    const key = await newKey();
    let calls = 0;
    const session = clientWith(() => {
      calls += 1;
      return key.key;
    }).openSession('lost');
    await until(() => session.status === 'live');
    const { port } = new URL(service.url);
    await service.kill();
    service = await RunningService.start({ DATABASE_URL: database.url, PORT: port });
    await say('lost', 'back');
    await until(() => session.status === 'live' && session.view?.messages.length === 1);
    expect(calls).toBe(1);
  }, 60_000);

  it('connects no more when it is closed while the function is asked', async () => {
    let answer: (key: string) => void = () => undefined;
    const key = await newKey();
    const client = clientWith(() => new Promise<string>((resolve) => (answer = resolve)));
    const session = client.openSession('nobody waits');
    client.close();
    answer(key.key);
    await sleep(100);
    expect([session.status, session.refusal]).toEqual(['closed', undefined]);
  });
});

describe('a client whose token is a text', () => {
  it('is closed for good when its key is revoked', async () => {
    await start('text');
    const key = await newKey();
    const session = clientWith(key.key).openSession('text');
    await until(() => session.status === 'live');
    await revoke(key);
    await until(() => session.status === 'closed');
    expect(session.refusal).toMatchObject({ code: 'unauthenticated', retry: false });
  });
});
