import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { limits } from '../../src/config.ts';
import { eventually } from '../support/log-events.ts';
import { total, TwoNodes, type } from '../support/two-node-viewers.ts';
import type { RunningService } from '../support/service.ts';

/* Signals and presence over nodes whose way to each other is cut, or full of rubbish. */

let nodes: TwoNodes;
/** Another database of the same server. */
let server: pg.Client;
let name: string;

beforeAll(async () => {
  nodes = await TwoNodes.start();
  const url = new URL(nodes.databaseUrl);
  name = url.pathname.slice(1);
  url.pathname = '/postgres';
  server = new pg.Client({ connectionString: url.href });
  await server.connect();
}, 120_000);
afterEach(() => nodes.leave());
afterAll(async () => {
  await server.end();
  await nodes.stop();
});

const warnings = ({ output }: RunningService): number =>
  output.match(/nodes do not reach each other/g)?.length ?? 0;

it('connections that are cut heal, and what changed meanwhile is learned', async () => {
  const sessionId = await nodes.session();
  const [here, there] = await nodes.pair(sessionId);
  const got = warnings(nodes.second);
  const cut = await nodes.rows.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'playhead-nodes' and datname = current_database()`,
  );
  expect(cut.rows.length).toBe(2);
  // Sent while nobody listens.
  const late = await nodes.sit(nodes.first, sessionId);
  await eventually('all see three', () => [here, there, late].every((seat) => total(seat) === 3));
  await type(here, sessionId);
  await eventually('a signal comes again', () => there.signals.length > 0);
  late.socket.disconnect();
  await eventually('both see two', () => [here, there].every((seat) => total(seat) === 2));
  expect(warnings(nodes.second) - got).toBe(1);
});

it('while the database is away viewers on one node go on; it is logged once', async () => {
  const sessionId = await nodes.session();
  const [here, beside] = [
    await nodes.sit(nodes.first, sessionId),
    await nodes.sit(nodes.first, sessionId),
  ];
  const far = await nodes.sit(nodes.second, sessionId);
  await eventually('all see three', () => [here, far].every((seat) => total(seat) === 3));
  await sleep(limits.nodeHeartbeatMs * 1.5);
  const got = warnings(nodes.first);
  await server.query(`alter database ${name} with allow_connections false`);
  try {
    const cut = await server.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name like 'playhead-nodes%' and datname = $1`,
      [name],
    );
    expect(cut.rows.length).toBe(4);
    await type(here, sessionId);
    await eventually('the one beside receives', () => beside.signals.length === 1, 1_000);
    await eventually('the other node is gone', () => total(here) === 2);
    beside.socket.disconnect();
    await eventually('here it is seen', () => total(here) === 1);
    expect(warnings(nodes.first) - got).toBe(1);
    expect(far.signals).toEqual([]);
  } finally {
    await server.query(`alter database ${name} with allow_connections true`);
  }
  await eventually('all see two', () => [here, far].every((seat) => total(seat) === 2));
  await type(here, sessionId);
  await eventually('a signal comes again', () => far.signals.length > 0);
  expect(warnings(nodes.first) - got).toBe(1);
}, 40_000);

it('whatever else is sent over the channel does no harm', async () => {
  const sessionId = await nodes.session();
  const [here, there] = await nodes.pair(sessionId);
  const from = randomUUID();
  const presence = { sessionId, total: 1, viewers: [{ id: 'x', sockets: -1 }] };
  const packet = { from, nth: 1, messages: [] as unknown[] };
  const odd: unknown[] = [
    ...['', '{', 'x'.repeat(7_999), null, 7, [], {}, '\u{1f4a5}'.repeat(1_900)],
    { ...packet, nth: 1e400 },
    { ...packet, from: { length: 1 } },
    { ...packet, messages: [null, [], { type: 'presence', presence }, { type: 'signal' }] },
    { ...packet, nth: 7, messages: [{ type: 'ask', node: {} }, { type: '__proto__' }] },
    { ...packet, nth: 3, messages: Array.from({ length: 2_000 }, () => 0) },
    {
      ...packet,
      nth: 4,
      messages: [
        { type: 'state', at: 'begins' },
        { type: 'state', at: 1 },
      ],
    },
  ];
  for (const one of odd) {
    const payload = typeof one === 'string' ? one : JSON.stringify(one);
    await nodes.rows.query('select pg_notify($1, $2)', ['playhead_nodes', payload]);
  }
  const tooLong = nodes.rows.query('select pg_notify($1, $2)', [
    'playhead_nodes',
    'x'.repeat(8_000),
  ]);
  await expect(tooLong).rejects.toThrow(/payload/);
  await type(here, sessionId);
  await eventually('signals go on', () => there.signals.length === 1);
  const late = await nodes.sit(nodes.first, sessionId);
  await eventually('all see three', () => [here, there, late].every((seat) => total(seat) === 3));
  expect(there.presence.map((got) => got.total).filter((count) => count > 3)).toEqual([]);
});
