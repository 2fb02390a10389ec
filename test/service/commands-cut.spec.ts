import {
  commandTypes,
  evolveOpenView,
  type CommandAnswer,
  type EventType,
  type OpenView,
  type SessionEvent,
} from '@playhead/contract';
import type { Cut } from '../support/cutting-proxy.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { RetryingClient, type Keyed } from '../support/retrying-client.ts';
import { until } from '../support/postgres-process.ts';
import { RunningService } from '../support/service.ts';
import { commandScenarios, type Ask } from '../support/command-scenarios.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const SESSIONS = 8;
/** Of what clients send, one piece in so many is cut off. */
const CUT_ONE_IN = 4;
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);

/** A command with what came of it. */
interface Done {
  readonly asked: Keyed;
  readonly effects: readonly EventType[];
  readonly answer: CommandAnswer;
}

let database: TestDatabase;
let service: RunningService;
let cable: TcpProxy;
const cuts: Record<Cut, number> = { before: 0, sent: 0, answered: 0 };

const cutting = (): Cut | undefined => {
  if (Math.random() * CUT_ONE_IN > 1) return undefined;
  const cut = (['before', 'sent', 'answered'] as const)[Math.floor(Math.random() * 3)] ?? 'sent';
  cuts[cut] += 1;
  return cut;
};

const start = (port = '0'): Promise<RunningService> =>
  RunningService.start({ DATABASE_URL: database.url, PORT: port });

beforeAll(async () => {
  database = await freshDatabase();
  service = await start();
  cable = await startTcpProxy(service.url, cutting);
}, 240_000);

afterAll(async () => {
  for (const client of clients) client.close();
  await cable.close();
  await service.stop();
  await database.drop();
});

const clients: RetryingClient[] = [];

const clientAt = (url: string): RetryingClient => {
  const client = new RetryingClient(url);
  clients.push(client);
  return client;
};

let asked = 0;
const done: Done[] = [];

/** Starts a session, without an id, and has everything done to it that its life has. */
async function live(
  life: ReturnType<typeof commandScenarios>[number],
  name: string,
): Promise<void> {
  const client = clientAt(cable.url);
  const act = async (command: Omit<Keyed, 'key'>, ...effects: EventType[]) => {
    const keyed = { key: `key ${(asked += 1)}`, ...command };
    const answer = await client.send(keyed);
    done.push({ asked: keyed, effects, answer });
    return answer;
  };
  const { sessionId } = await act({ type: 'session.start', data: { name } }, 'session.started');
  const ask: Ask = (type, data, ...effects) => act({ sessionId, type, data }, ...effects);
  await life(ask, name);
  expect(Math.min(client.retries.http, client.retries.socket)).toBeGreaterThan(0);
}

const eventsOf = async (sessionId: string): Promise<SessionEvent[]> => {
  const path = `/api/sessions/${sessionId}/events?limit=1000`;
  return (await service.get<{ events: SessionEvent[] }>(path)).events;
};

/** What the log says that each command has done, by the command's id. */
const byCommand = (events: readonly SessionEvent[]): Map<string, SessionEvent[]> => {
  const found = new Map<string, SessionEvent[]>();
  for (const event of events) {
    const { commandId } = event.meta;
    found.set(commandId, [...(found.get(commandId) ?? []), event]);
  }
  return found;
};

/** Each command but appended chunks is one group of events, at the revision it was answered. */
function judgeEffects(events: readonly SessionEvent[], commands: readonly Done[]): void {
  const others = events.filter(({ type }) => type !== 'message.chunked');
  const found = [...byCommand(others).values()];
  expect(found).toHaveLength(commands.length);
  const typesAt = new Map(
    found.map((group) => [group.at(-1)?.revision, group.map(({ type }) => type)]),
  );
  for (const { asked: command, answer, effects } of commands) {
    expect([command, typesAt.get(answer.revision)]).toEqual([command, effects]);
    typesAt.delete(answer.revision);
    const [first] = found.find((group) => group.at(-1)?.revision === answer.revision) ?? [];
    expect(first?.data).toMatchObject(command.data);
    // Of the append that it was in, which other commands may have shared.
    expect(answer.position >= (events[answer.revision]?.position ?? '')).toBe(true);
  }
}

/** Every chunk of every message is there once, however often and in whichever event it came. */
function judgeChunks(events: readonly SessionEvent[], appends: readonly Done[]): void {
  const chunked = events.flatMap(({ type, data }) =>
    type === 'message.chunked'
      ? [data as { messageId: string; from: number; to: number; text: string }]
      : [],
  );
  const sent = appends.map(
    ({ asked: { data } }) => data as { messageId: string; index: number; text: string },
  );
  const stored = chunked.flatMap(({ messageId, from, to }) =>
    Array.from({ length: to - from + 1 }, (_, at) => `${messageId} ${from + at}`),
  );
  const once = new Set(sent.map(({ messageId, index }) => `${messageId} ${index}`));
  expect(stored.sort()).toEqual([...once].sort());
  for (const { messageId, from, to, text } of chunked) {
    const parts = sent.filter(
      (one) => one.messageId === messageId && one.index >= from && one.index <= to,
    );
    const texts = new Map(parts.map((one) => [one.index, one.text]));
    expect(text).toBe(
      [...texts]
        .sort(([a], [b]) => a - b)
        .map(([, part]) => part)
        .join(''),
    );
  }
}

/** The read models hold what the log folds to. */
async function judgeRows(sessionId: string, events: readonly SessionEvent[]): Promise<void> {
  const view = events.reduce<OpenView | undefined>(evolveOpenView, undefined);
  const path = `/api/sessions/${sessionId}`;
  expect(await service.get(path)).toMatchObject({ ...view?.session });
  const { messages } = await service.get<{ messages: object[] }>(`${path}/messages?limit=100`);
  expect(messages).toMatchObject(view?.messages ?? []);
  const { participants } = await service.get<{ participants: object[] }>(`${path}/participants`);
  expect(participants).toMatchObject(view?.participants ?? []);
}

const sessionOf = ({ answer }: Done): string => answer.sessionId;

it(`commands retried over cut connections and a crash have one effect each (seed ${seed})`, async () => {
  const all = commandScenarios(seed, SESSIONS).map((life, nth) => live(life, `s${nth}`));
  const crash = until(() => done.length > SESSIONS * 40).then(async () => {
    const { port } = new URL(service.url);
    await service.kill();
    service = await start(port);
  });
  await Promise.all([...all, crash]);
  expect(Math.min(...Object.values(cuts))).toBeGreaterThan(5);
  // Had an effect of which the answer was lost.
  const late = done.filter(({ effects, answer }) => effects.length > 0 && !answer.appended);
  expect(new Set(late.map(({ asked: { type } }) => type)).size).toBeGreaterThan(10);
  expect(new Set(done.map(({ asked: { type } }) => type))).toEqual(
    new Set(Object.keys(commandTypes)),
  );

  const sessionIds = [...new Set(done.map(sessionOf))];
  expect(sessionIds).toHaveLength(SESSIONS);
  await service.caughtUp();
  for (const sessionId of sessionIds) {
    const events = await eventsOf(sessionId);
    expect(events.map(({ revision }) => revision)).toEqual(events.map((_, nth) => nth));
    const own = done.filter((one) => sessionOf(one) === sessionId);
    const isAppend = ({ asked: { type } }: Done): boolean => type === 'message.append';
    judgeEffects(
      events,
      own.filter((one) => !isAppend(one)),
    );
    judgeChunks(events, own.filter(isAppend));
    await judgeRows(sessionId, events);
  }
}, 120_000);

it('a command sent again when all is over is answered as it was, and changes nothing', async () => {
  const logs = () => Promise.all([...new Set(done.map(sessionOf))].map(eventsOf));
  const before = await logs();
  const positions = new Map(
    before
      .flat()
      .map(({ sessionId, revision, position }) => [`${sessionId} ${revision}`, position]),
  );
  const direct = clientAt(service.url);
  const judgeAgain = async ({ asked: command, answer }: Done): Promise<void> => {
    const again = await direct.send(command);
    expect(again.appended).toBe(false);
    expect(again.position).toBe(positions.get(`${again.sessionId} ${again.revision}`));
    if (command.type === 'message.append') return;
    expect(again).toEqual({ ...answer, appended: false, position: again.position });
  };
  for (let at = 0; at < done.length; at += 50) {
    await Promise.all(done.slice(at, at + 50).map(judgeAgain));
  }
  expect(await logs()).toEqual(before);
});
