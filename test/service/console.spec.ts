import { errorCodes, type SessionPresence, type SessionSignal } from '@playhead/contract';
import fc from 'fast-check';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/log-events.ts';
import { ConsoleViewerClient } from '../support/console-viewer.ts';
import { adminKey, RunningService, type ViewerSocket } from '../support/service.ts';
import { repeats } from '../support/repeats.ts';

const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);

let database: TestDatabase;
let service: RunningService;
let command: ViewerSocket;
const sockets: ViewerSocket[] = [];
let nth = 0;

const connect = (key?: string): ViewerSocket => {
  const socket = service.connect(key ?? adminKey);
  sockets.push(socket);
  return socket;
};

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
  command = connect();
});

afterAll(async () => {
  for (const socket of sockets) socket.disconnect();
  await service.stop();
  await database.drop();
});

async function act(sessionId: string | undefined, type: string, data: object): Promise<string> {
  const answer = await command.emitWithAck('command', {
    id: `command ${(nth += 1)}`,
    ...(sessionId && { sessionId }),
    type: type as 'session.start',
    data,
  });
  if (!answer.ok) throw new Error(`${type}: ${answer.code} ${answer.message}`);
  return answer.sessionId;
}

interface Listed {
  sessions: { id: string; status: string; name: string | null; _count: { messages: number } }[];
}

async function overHttp(query = ''): Promise<unknown[]> {
  await service.caughtUp();
  const { sessions } = await service.get<Listed>(`/api/sessions?limit=100${query}`);
  return sessions.map(({ id, status, name, _count }) => ({
    id,
    status,
    name,
    messages: _count.messages,
  }));
}

const sorted = (all: unknown[]): string[] => all.map((one) => JSON.stringify(one)).sort();

it('a console cut and resumed while commands run ends as the list read over HTTP', async () => {
  const [all, active] = [new ConsoleViewerClient(connect), new ConsoleViewerClient(connect)];
  const ids: string[] = [];
  for (let turn = 0; turn < 60; turn += 1) {
    if (turn % 12 === 3)
      await Promise.all([all.open(), active.open({ filter: { status: 'ACTIVE' } })]);
    if (turn % 12 === 9) [all, active].forEach((screen) => screen.cut());
    const known = ids[(turn * 7) % Math.max(1, ids.length)];
    if (turn % 5 === 0 || !known)
      ids.push(await act(undefined, 'session.start', { name: `s${turn}` }));
    else if (turn % 11 === 0) await act(known, 'session.rename', { name: `renamed ${turn}` });
    else if (turn % 13 === 0) {
      await act(known, 'session.end', { as: 'completed' });
      ids.splice(ids.indexOf(known), 1);
    } else await act(known, 'message.post', { content: `text ${turn}` });
  }
  await Promise.all([all.open(), active.open({ filter: { status: 'ACTIVE' } })]);
  const [right, rightActive] = [sorted(await overHttp()), sorted(await overHttp('&status=ACTIVE'))];
  expect(right.length).toBeGreaterThan(10);
  expect(rightActive.length).toBeLessThan(right.length);
  const isRight = (): boolean =>
    sorted(all.summary()).join() === right.join() &&
    sorted(active.summary()).join() === rightActive.join();
  await eventually('both lists are as over HTTP', isRight).catch(() => undefined);
  expect(sorted(all.summary())).toEqual(right);
  expect(sorted(active.summary())).toEqual(rightActive);
  const types = new Set(all.frames.flatMap(({ patches }) => patches.map(({ type }) => type)));
  expect(types).toContain('session.updated');
  [all, active].forEach((screen) => screen.cut());
});

it('a state change is sent as the few fields that changed, and an error is cleared', async () => {
  const sessionId = await act(undefined, 'session.start', { name: 'states' });
  await act(sessionId, 'session.set-state', { state: 'working' });
  const screen = new ConsoleViewerClient(connect);
  await service.caughtUp();
  await screen.open();
  const changes = () =>
    screen.frames
      .flatMap(({ patches }) => patches)
      .filter((patch) => patch.sessionId === sessionId)
      .map((patch) => (patch.type === 'session.updated' ? patch.changes : patch.type));
  await act(sessionId, 'session.set-state', { state: 'error', message: 'no water' });
  await eventually('the error', () => changes().length === 1);
  await act(sessionId, 'session.set-state', { state: 'working' });
  await eventually('the retry', () => changes().length === 2);
  const moved = ['activity', 'activityMessage', 'at', 'lastActivityAt', 'revision'];
  for (const change of changes()) {
    expect(Object.keys(change).filter((field) => !moved.includes(field))).toEqual([]);
  }
  expect(changes()[0]).toMatchObject({ activity: 'error', activityMessage: 'no water' });
  expect(changes()[1]).toMatchObject({ activity: 'working', activityMessage: null });
  screen.cut();
});

it('refuses cursors of another log and beyond its end', async () => {
  const opened = await command.emitWithAck('console:open', {});
  if (!opened.ok) throw new Error(opened.message);
  const { position, epoch } = opened;
  for (const at of [
    { after: position, epoch: 'another' },
    { after: '9999999999999999', epoch },
  ]) {
    expect(await command.emitWithAck('console:open', at)).toMatchObject({ code: 'cursor-unknown' });
  }
  expect(await command.emitWithAck('console:open', { after: position })).toMatchObject({
    code: 'invalid',
    field: 'epoch',
  });
  expect(await command.emitWithAck('console:close', {})).toEqual({ ok: true });
});

it('a signal reaches the others in the room, nobody else, and never the log', async () => {
  const [sessionId, elsewhere] = [
    await act(undefined, 'session.start', {}),
    await act(undefined, 'session.start', {}),
  ];
  const [typist, reader, stranger] = [connect(), connect(), connect()];
  const received: [string, SessionSignal][] = [];
  const presence: SessionPresence[] = [];
  for (const [name, socket] of Object.entries({ typist, reader, stranger })) {
    socket.on('session:signal', (signal) => received.push([name, signal]));
  }
  reader.on('session:presence', (got) => presence.push(got));
  const typing = { sessionId, kind: 'typing' as const };
  expect(await typist.emitWithAck('signal', typing)).toMatchObject({ ok: false, code: 'refused' });
  await reader.emitWithAck('session:open', { sessionId });
  await typist.emitWithAck('session:open', { sessionId });
  await stranger.emitWithAck('session:open', { sessionId: elsewhere });
  await eventually('both are seen', () => presence.at(-1)?.total === 2);
  const before = await service.get(`/api/sessions/${sessionId}/events`);

  expect(await typist.emitWithAck('signal', { ...typing, data: { in: 'box' } })).toEqual({
    ok: true,
  });
  expect(await typist.emitWithAck('signal', { ...typing, active: false })).toEqual({ ok: true });
  await typist.emitWithAck('signal', typing);
  typist.disconnect();
  await eventually('the end of the typing', () => received.length === 4);
  await eventually('one has gone', () => presence.at(-1)?.total === 1);
  const from = presence.at(-1)?.viewers[0]?.id;
  expect(received.map(([name]) => name)).toEqual(['reader', 'reader', 'reader', 'reader']);
  expect(received.map(([, { expiresInMs }]) => expiresInMs)).toEqual([5_000, 0, 5_000, 0]);
  expect(received[0]?.[1]).toEqual({ ...typing, from, data: { in: 'box' }, expiresInMs: 5_000 });
  expect(await service.get(`/api/sessions/${sessionId}/events`)).toEqual(before);
});

it('signals are bounded in size and number', async () => {
  const sessionId = await act(undefined, 'session.start', {});
  const socket = connect();
  await socket.emitWithAck('session:open', { sessionId });
  const typing = { sessionId, kind: 'typing' as const };
  const large = { ...typing, data: { text: 'x'.repeat(1_100) } };
  expect(await socket.emitWithAck('signal', large)).toMatchObject({ code: 'too-large' });
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => socket.emitWithAck('signal', typing)),
  );
  const refused = answers.filter((answer) => !answer.ok && answer.code === 'rate-limited');
  expect(refused.length).toBeGreaterThanOrEqual(15);
  expect(answers.some(({ ok }) => ok)).toBe(true);
});

it('whatever is sent as one of these events is answered with a code, and nothing is stored', async () => {
  const socket = connect() as unknown as {
    timeout(ms: number): {
      emitWithAck(...all: unknown[]): Promise<{ ok: boolean; code?: string }>;
    };
  };
  const head = async (): Promise<string> => {
    const { body } = await service.request('/health/ready', { key: null });
    return (body as { log: { head: string } }).log.head;
  };
  const before = await head();
  const json = fc.jsonValue({ maxDepth: 4 });
  const odd = fc.oneof(
    json,
    fc.record({ after: json, epoch: json, filter: json, events: json }, { requiredKeys: [] }),
    fc.record({
      filter: fc.record(
        {
          status: json,
          source: json,
          state: json,
          label: json,
          search: fc.string({ unit: 'binary' }),
        },
        { requiredKeys: [] },
      ),
    }),
    fc.record({ sessionId: json, kind: fc.constantFrom('typing', 'x'), active: json, data: json }),
  );
  const event = fc.constantFrom('console:open', 'console:close', 'signal');
  await fc.assert(
    fc.asyncProperty(event, odd, async (name, payload) => {
      const answer = await socket.timeout(5_000).emitWithAck(name, payload);
      if (answer.ok) return;
      expect(errorCodes).toHaveProperty([answer.code ?? 'none']);
      expect(answer.code).not.toBe('internal');
    }),
    { seed, numRuns: repeats({ few: 150, all: 300 }) },
  );
  expect(await head()).toBe(before);
});
