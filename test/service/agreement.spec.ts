import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import {
  evolveOpenView,
  sessionStream,
  VIEW_MESSAGES_MAX,
  type OpenView,
} from '@playhead/contract';
import fc from 'fast-check';
import { pino } from 'pino';
import { listMessages } from '../../projections/messages.ts';
import { listParticipants } from '../../projections/participants.ts';
import { findSession } from '../../projections/sessions.ts';
import type { ServiceParts } from '../../src/app.module.ts';
import { limits, readConfig } from '../../src/config.ts';
import { Ingest, type IngestAnswer } from '../../src/http/ingest/ingest.ts';
import { idOfText } from '../../src/importing/imported-entry.ts';
import { asSessionEvent } from '../../src/live/frames.ts';
import { openParts } from '../../src/startup/open-parts.ts';
import { CleanupStack } from '../../src/startup/cleanup-stack.ts';
import { pausing } from '../live/random-delays.ts';
import { Client, Rooms, type ClientOptions, type From } from '../live/session-client.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { storedTimeline } from '../support/read-models.ts';
import { bodyOf, reports, type Report } from '../support/reports.ts';
import { repeats } from '../support/repeats.ts';

const RUNS = repeats({ few: 200, all: 400 });
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
const names = ['s', 'ü/2'];
const CLIENTS = 6;

/** A node with all its parts but HTTP and sockets, on a database that nodes share. */
interface Node {
  readonly parts: ServiceParts;
  readonly rooms: Rooms;
  readonly ingest: Ingest;
  stop(): Promise<void>;
}

/** Bounds that make every page, cache and tail too short. */
const narrow = {
  ...{ tailBytesMax: 3_000, readEventsMax: 5, replayBytesMax: 2_000, foldSliceMax: 3 },
  ...{ viewCacheBytesMax: 9_000, stateCacheBytesMax: 3_000, projectionBatchMax: 50 },
  snapshotEvery: 4,
};

async function startNode(url: string, bounds: object): Promise<Node> {
  const undo = new CleanupStack();
  const failures: unknown[] = [];
  const config = { ...readConfig({ DATABASE_URL: url }), limits: { ...limits, ...bounds } };
  const logger = pino({ level: 'error' }, { write: (line) => void failures.push(line) });
  const parts = await openParts(config, logger, undo, (why) => failures.push(why));
  const now = (): Date => new Date();
  return {
    parts,
    rooms: new Rooms(),
    ingest: new Ingest(parts.commands, parts.log, { messageCharactersMax: 1_000, now }),
    async stop() {
      await undo.run((failure) => failures.push(failure));
      expect(failures).toEqual([]);
    },
  };
}

let database: TestDatabase;
let nodes: [Node, Node];

beforeAll(async () => {
  database = await freshDatabase();
  nodes = [await startNode(database.url, narrow), await startNode(database.url, {})];
});

afterAll(async () => {
  for (const node of nodes) await node.stop();
  await database.drop();
});

const which = fc.constantFrom<0 | 1>(0, 1);
type Act =
  | { readonly act: 'report'; readonly session: number; readonly said: number; readonly on: 0 | 1 }
  | { readonly act: 'burst'; readonly session: number; readonly on: 0 | 1 }
  | { readonly act: 'open'; readonly client: number; readonly from: From; readonly on: 0 | 1 }
  | { readonly act: 'drop'; readonly client: number }
  | { readonly act: 'pass'; readonly turns: number }
  /** Goes on once everything reported so far is answered. */
  | { readonly act: 'answered' };

const session = fc.nat(names.length - 1);
const client = fc.nat(CLIENTS - 1);
const from = fc.constantFrom<From>('view', 'start', 'cursor', 'cursor');
const acts = fc.array(
  fc.oneof(
    {
      weight: 50,
      arbitrary: fc.record({ act: fc.constant('report'), session, said: fc.nat(), on: which }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('burst'), session, on: which }) },
    { weight: 25, arbitrary: fc.record({ act: fc.constant('open'), client, from, on: which }) },
    { weight: 10, arbitrary: fc.record({ act: fc.constant('drop'), client }) },
    { weight: 15, arbitrary: fc.record({ act: fc.constant('pass'), turns: fc.nat(5) }) },
    { weight: 10, arbitrary: fc.record({ act: fc.constant('answered') }) },
  ),
  { minLength: 10, maxLength: 40 },
) as fc.Arbitrary<Act[]>;

/** What is reported, again and again and in any order, and what happens meanwhile. */
const lives = fc.record({
  said: fc.array(reports, { minLength: 3, maxLength: 10 }),
  acts,
  pauses: fc.array(fc.constantFrom(0, 0, 1, 2, 5), { minLength: 5, maxLength: 20 }),
  slowness: fc.array(fc.constantFrom(false, false, false, true), { minLength: 3, maxLength: 9 }),
});
type Life = typeof lives extends fc.Arbitrary<infer T> ? T : never;

const admission = { admit: async (): Promise<void> => undefined };

/** More messages than a view holds, all said at the same time. */
const burst = Array.from({ length: VIEW_MESSAGES_MAX + 10 }, (_, nth) => ({
  type: 'message.created',
  timestamp: '2026-01-01T12:00:00Z',
  data: { agent_type: 'claude', content: `${nth}` },
}));

/** A client for each number; which node it opens on next stands in `on`. */
function openClients(
  sessionIds: readonly string[],
  how: Pick<ClientOptions, 'pause' | 'isSlow' | 'head'>,
) {
  return Array.from({ length: CLIENTS }, (_, nth) => {
    const at = { on: 0 as 0 | 1 };
    const one = new Client(sessionIds[nth % sessionIds.length] ?? '', {
      get subscriptions() {
        return nodes[at.on].parts.sessionSubscriptions;
      },
      get rooms() {
        return nodes[at.on].rooms;
      },
      ...how,
    });
    return { one, at };
  });
}

let lifeNumber = 0;

async function live({ said, acts: all, pauses, slowness }: Life): Promise<void> {
  lifeNumber += 1;
  const sessionIds = names.map((name) => `${name} ${lifeNumber}`);
  let isCalm = false;
  let asked = 0;
  const isSlow = (): boolean => {
    asked += 1;
    return !isCalm && slowness[asked % slowness.length] === true;
  };
  const clients = openClients(sessionIds, { pause: pausing(pauses), isSlow, head: () => -1 });
  const reporting: Promise<unknown>[] = [];
  const effects = new Map(sessionIds.map((sessionId) => [sessionId, new Set<string>()]));
  const report = (to: number, on: 0 | 1, what: readonly Report[]): void => {
    const sessionId = sessionIds[to] ?? '';
    for (const body of what.map((one) => bodyOf(sessionId, one))) {
      const answered = nodes[on].ingest.take(body, 'key:test', admission);
      reporting.push(
        answered.then((answer) => effects.get(sessionId)?.add(effectOf(body, answer))),
      );
    }
  };
  for (const act of all) {
    if (act.act === 'report') report(act.session, act.on, [said[act.said % said.length] as Report]);
    if (act.act === 'burst') report(act.session, act.on, burst);
    if (act.act === 'pass') for (let turn = 0; turn < act.turns; turn += 1) await nextTurn();
    if (act.act === 'answered') await Promise.all(reporting);
    if (act.act === 'drop') clients[act.client]?.one.drop();
    if (act.act === 'open') {
      const client = clients[act.client];
      if (client) client.at.on = act.on;
      client?.one.open(act.from);
    }
  }
  await Promise.all(reporting);
  isCalm = true;
  const watching = clients.map(({ one }) => one);
  await settle(watching);
  for (const sessionId of sessionIds) {
    await judge(
      sessionId,
      watching.filter((one) => one.sessionId === sessionId),
    );
    expect(await effectsIn(sessionId)).toEqual([...(effects.get(sessionId) ?? [])].sort());
  }
  for (const one of watching) one.drop();
}

/** Whoever is not open opens once more from where it stopped; then all come to the head. */
async function settle(clients: readonly Client[]): Promise<void> {
  const { log } = nodes[0].parts;
  const deadline = Date.now() + 20_000;
  for (;;) {
    const heads = await Promise.all(clients.map((one) => log.last(sessionStream(one.sessionId))));
    const isSettled = clients.map((one, nth) => {
      const head = heads[nth]?.revision;
      if (head === undefined) return !one.isOpening;
      if (!one.isOpen && !one.isOpening) one.open('cursor');
      return one.isCaughtUp && one.cursor?.revision === head;
    });
    if (isSettled.every(Boolean)) break;
    if (Date.now() > deadline) {
      const states = clients.map((one) => [one.cursor, one.isCaughtUp, one.refusedWith]);
      throw new Error(`not caught up: ${JSON.stringify(states)}`);
    }
    await sleep(1);
  }
  await projected(await log.head());
}

/** Waits until the read models have taken everything up to a position, on whichever node. */
async function projected(position: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const [one, other] = nodes.map(({ parts }) => parts.projector.status());
    const behind = one?.filter(
      (status, nth) => status.position < position && (other?.[nth]?.position ?? '') < position,
    );
    if (behind?.length === 0) return;
    if (Date.now() > deadline) throw new Error(`not projected: ${JSON.stringify([one, other])}`);
    await sleep(1);
  }
}

/** No hole, no double; every fold is the server's at that revision, and the last one the rows. */
async function judge(sessionId: string, clients: readonly Client[]): Promise<void> {
  const { log, database: rows } = nodes[0].parts;
  const events = await log.read(sessionStream(sessionId), { after: -1, limit: 10_000 });
  let view: OpenView | undefined;
  const truth = events.map((event) => (view = evolveOpenView(view, asSessionEvent(event))));
  const asText = truth.map((one) => JSON.stringify(one));
  for (const one of clients) {
    expect(one.faults).toEqual([]);
    expect([undefined, 'not-found']).toContain(one.refusedWith);
    const wrong = one.folds.filter((fold) => JSON.stringify(fold.view) !== asText[fold.revision]);
    expect(wrong).toEqual([]);
    expect(one.cursor?.revision ?? -1).toBe(events.length - 1);
  }
  const last = truth.at(-1);
  expect(await rowsOf(rows, sessionId)).toEqual(
    last && { session: last.session, participants: last.participants, messages: last.messages },
  );
  const entries = await storedTimeline(rows, sessionId, 7);
  const shown = last?.timeline.entries ?? [];
  expect(entries.slice(entries.length - shown.length)).toEqual(shown);
  const first = shown[0]?.startedRevision ?? null;
  expect(last?.timeline.before ?? null).toBe(entries.length > shown.length ? first : null);
}

/** What an accepted report must have led to, exactly once, however often it came and where. */
const effectOf = (body: string, { body: { message_id } }: IngestAnswer): string =>
  typeof message_id === 'string' ? `message ${message_id}` : `command ${idOfText(body)}`;

async function effectsIn(sessionId: string): Promise<string[]> {
  const { log } = nodes[0].parts;
  const events = await log.read(sessionStream(sessionId), { after: -1, limit: 10_000 });
  const effects = events.flatMap(({ type, data, meta }) => {
    const { messageId, inferred } = data as { messageId?: string; inferred?: boolean };
    if (messageId !== undefined) return [`message ${messageId}`];
    return type === 'participant.joined' || inferred ? [] : [`command ${meta.commandId}`];
  });
  return effects.sort();
}

/** The view as the read models have it. */
async function rowsOf(
  rows: ServiceParts['database'],
  sessionId: string,
): Promise<Omit<OpenView, 'timeline'> | undefined> {
  const found = await findSession(rows, sessionId);
  if (!found) return undefined;
  const all = { page: 1, limit: 10_000 };
  const participants = await listParticipants(rows, sessionId, all, 10_000);
  const messages = await listMessages(rows, sessionId, all, 10_000);
  return {
    session: { ...found },
    participants: participants.rows.map((row) => ({ ...row })),
    messages: messages.rows.slice(-VIEW_MESSAGES_MAX).map((row) => ({ ...row })),
  };
}

describe('log, viewers and read models', () => {
  it(`agree, whatever is reported and whoever comes and goes (seed ${seed})`, async () => {
    await fc.assert(fc.asyncProperty(lives, live), { numRuns: RUNS, seed, endOnFailure: true });
  }, 240_000);
});
