import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { matchesFilter, type ConsoleFilter, type SessionView } from '@playhead/contract';
import { connect, type Client, type Console } from '@playhead/client';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/postgres-process.ts';
import { adminKey, RunningService } from '../support/service.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let database: TestDatabase;
let service: RunningService;
let cable: TcpProxy;
const clients: Client[] = [];

const start = (port = '0'): Promise<RunningService> =>
  RunningService.start({ DATABASE_URL: database.url, PORT: port });

beforeAll(async () => {
  database = await freshDatabase();
  service = await start();
  cable = await startTcpProxy(service.url);
}, 240_000);

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

afterAll(async () => {
  await cable.close();
  await service.stop();
  await database.drop();
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

const socketsOf = async (): Promise<number> => {
  const { text } = await service.request('/metrics');
  return Number(/^playhead_sockets(?:{[^}]*})? (\d+)/m.exec(text)?.[1]);
};

const find = (list: Console, id: string): SessionView | undefined =>
  list.sessions?.find(({ sessionId }) => sessionId === id);

/** The list is live and as one sees it who opens it now. */
async function judge(list: Console, filter?: ConsoleFilter): Promise<void> {
  const fresh = clientAt(service.url).openConsole(filter);
  await until(() => fresh.status === 'live' && list.status === 'live');
  await until(() => JSON.stringify(list.sessions) === JSON.stringify(fresh.sessions));
  expect(list.sessions).toEqual(fresh.sessions);
  expect(list.snapshot.resets).toBe(0);
}

describe('a console', () => {
  it('loses and doubles nothing through cut cables and a crash of the service', async () => {
    const filter = { state: 'working' } as const;
    for (let nth = 0; nth < 7; nth += 1) await post(`c${nth}`, 'session.start', {});
    // A list that is opened before is at an earlier position, and these starts come as events.
    await service.caughtUp();
    const client = clientAt(cable.url);
    const all = client.openConsole({}, { events: true });
    const some = client.openConsole(filter);
    const got: string[] = [];
    all.onEvents((events) => got.push(...events.map(({ id }) => id)));
    await until(() => all.status === 'live' && some.status === 'live');
    let isOver = false;
    const cutting = async (): Promise<void> => {
      while (!isOver) {
        await sleep(300);
        cable.cut();
      }
    };
    const writing = async (): Promise<void> => {
      for (let nth = 1; nth < 100; nth += 1) {
        const state = ['idle', 'working'][nth % 2];
        await post(`c${nth % 7}`, 'session.set-state', { state });
        await sleep(15);
      }
      isOver = true;
    };
    const crashing = async (): Promise<void> => {
      await sleep(1_500);
      const { port } = new URL(service.url);
      await service.kill();
      service = await start(port);
    };
    await Promise.all([cutting(), writing(), crashing()]);
    await judge(all);
    await judge(some, filter);
    expect(some.sessions?.length).toBeGreaterThan(0);
    expect(some.sessions?.every((one) => matchesFilter(filter, one))).toBe(true);
    const logged: string[] = [];
    for (let nth = 0; nth < 7; nth += 1) {
      const path = `/api/sessions/c${nth}/events?after=0&limit=1000`;
      const { events } = await service.get<{ events: { id: string }[] }>(path);
      logged.push(...events.map(({ id }) => id));
    }
    expect([...got].sort()).toEqual(logged.sort());
  }, 60_000);

  it('is shared by those who ask alike, and each closes its own', async () => {
    await post('shared', 'session.start', { name: 'Tea' });
    const client = clientAt(service.url);
    await until(async () => (await socketsOf()) === 1);
    const filter = { search: 'Tea' };
    const [one, other, all] = [client.openConsole(filter), client.openConsole(filter), client];
    const others = all.openConsole();
    await until(() => [one, other, others].every(({ status }) => status === 'live'));
    expect(one.sessions).toBe(other.sessions);
    expect(client.consoleSnapshot({ search: 'Tea' })).toBe(one.snapshot);
    expect(client.consoleSnapshot({ search: 'none' })).toBeUndefined();
    // The client's own socket and one for the other list.
    expect(await socketsOf()).toBe(2);
    let received = 0;
    one.subscribe(() => (received += 1));
    one.close();
    one.close();
    expect([one.status, one.refusal, received]).toEqual(['closed', undefined, 1]);
    await post('shared', 'session.rename', { name: 'Tea again' });
    await until(() => find(other, 'shared')?.name === 'Tea again');
    expect(find(one, 'shared')?.name).toBe('Tea');
    others.close();
    await until(async () => (await socketsOf()) === 1);
    other.close();
    const again = client.openConsole({ search: 'again' });
    await until(() => again.status === 'live');
    await post('shared', 'session.rename', { name: 'Coffee' });
    await until(() => again.sessions?.length === 0);
    expect(await socketsOf()).toBe(1);
    client.close();
    expect([again.status, again.refusal]).toEqual(['closed', undefined]);
    expect(client.openConsole().refusal?.code).toBe('unavailable');
  });

  it('is closed for good when its filter is malformed, and nothing else is', async () => {
    const client = clientAt(service.url);
    const wrong = client.openConsole({ search: '' });
    const right = client.openConsole();
    await until(() => wrong.status === 'closed' && right.status === 'live');
    expect(wrong.refusal).toMatchObject({ code: 'invalid', field: 'filter.search' });
    const again = client.openConsole({ search: '' });
    await until(() => again.status === 'closed');
    expect(right.status).toBe('live');
  });
});

describe('a session that several open', () => {
  it('is one on the socket, and open until the last has closed it', async () => {
    await post('many', 'session.start', { name: 'Tea' });
    const client = clientAt(service.url);
    const [one, other] = [client.openSession('many'), client.openSession('many')];
    const read: string[] = [];
    const reading = (async () => {
      for await (const event of one.events) read.push(event.type);
    })();
    await until(() => other.status === 'live');
    expect(one.view).toBe(other.view);
    expect(client.sessionSnapshot('many')).toBe(one.snapshot);
    await post('many', 'session.rename', { name: 'Coffee' });
    await until(() => read.length === 1);
    one.close();
    await reading;
    await post('many', 'session.rename', { name: 'Water' });
    await until(() => other.view?.session.name === 'Water');
    expect([one.status, one.view?.session.name]).toEqual(['closed', 'Coffee']);
    expect(await one.events[Symbol.asyncIterator]().next()).toEqual({
      done: true,
      value: undefined,
    });
    expect(read).toEqual(['session.renamed']);
    const sees = service.connect();
    const totals: number[] = [];
    sees.on('session:presence', ({ total }) => totals.push(total));
    await sees.emitWithAck('session:open', { sessionId: 'many' });
    await until(() => totals.at(-1) === 2);
    other.close();
    expect(client.sessionSnapshot('many')).toBeUndefined();
    await until(() => totals.at(-1) === 1);
    sees.disconnect();
    const again = client.openSession('many');
    await until(() => again.status === 'live');
  });

  it('gives each its events from where it wants them, and commands have one way', async () => {
    await post('twice', 'session.start', {});
    const client = clientAt(service.url);
    const view = client.openSession('twice');
    const whole = client.openSession('twice', { after: -1 });
    const types: string[] = [];
    const reading = (async () => {
      for await (const event of whole.events) types.push(event.type);
    })();
    await until(() => view.status === 'live' && types.length === 1);
    await view.command('session.rename', { name: 'Tea' });
    await client.command('session.rename', { name: 'Coffee' }, 'twice');
    await until(() => types.length === 3 && view.view?.session.name === 'Coffee');
    expect(types).toEqual(['session.started', 'session.renamed', 'session.renamed']);
    expect(await socketsOf()).toBe(2);
    whole.close();
    await reading;
    await until(async () => (await socketsOf()) === 1);
    const { sessionId } = await client.command('session.start', { name: 'Made' });
    const made = client.openSession(sessionId);
    await until(() => made.view?.session.name === 'Made');
  });

  it('shows who else types, until they stop or it expires', async () => {
    await post('typed', 'session.start', {});
    const [ada, bob] = [clientAt(service.url), clientAt(service.url)];
    const [one, other] = [ada.openSession('typed'), bob.openSession('typed')];
    await until(() => one.status === 'live' && other.status === 'live');
    const shown: number[] = [];
    one.subscribe(() => shown.push(one.snapshot.typists.length));
    for (let key = 0; key < 30; key += 1) other.typing(true);
    await until(() => one.snapshot.typists.length === 1);
    other.typing(false);
    await until(() => one.snapshot.typists.length === 0);
    other.typing(true);
    await until(() => one.snapshot.typists.length === 1);
    bob.close();
    await until(() => one.snapshot.typists.length === 0);
    expect(shown).toEqual([1, 0, 1, 0]);
    expect(other.snapshot.typists).toEqual([]);
  });
});
