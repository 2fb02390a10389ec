import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { DifferenceSampler } from '../../src/projecting/difference-sampler.ts';
import type { ListedDifference } from '../../src/projecting/differences.ts';
import type { Projection } from '../../src/projecting/projection.ts';
import { SessionRepairs } from '../../src/projecting/session-repairs.ts';
import { messages } from '../../projections/messages.ts';
import { participants } from '../../projections/participants.ts';
import { sessions } from '../../projections/sessions.ts';
import { histories, posted, type Happening } from '../support/histories.ts';
import {
  eventually,
  readModelFixture,
  storedRows,
  testLimits,
  type Node,
} from '../support/read-models.ts';

const bed = readModelFixture();
const all = [sessions, messages, participants] as const;

interface Found {
  readonly message: string;
  readonly about: Readonly<Record<string, unknown>>;
}

/** The check of a node; it checks when a test asks it to. */
function samplerOf(node: Node, options: { perMinute?: number; limits?: object } = {}) {
  const notices: Found[] = [];
  const sampler = new DifferenceSampler(all, {
    ...{ database: node.dataSource, log: bed.log },
    limits: { ...testLimits(), ...options.limits },
    notice: (message, about) => void notices.push({ message, about }),
    perMinute: options.perMinute ?? 0,
  });
  return { sampler, notices };
}

const repairsOf = (node: Node): SessionRepairs =>
  new SessionRepairs(all, {
    ...{ database: node.dataSource, log: bed.log, limits: testLimits() },
    onRefolded: (name) => node.projector.refolded(name),
  });

/** A node that has taken these events. */
async function projected(...happenings: Happening[]): Promise<Node> {
  const node = await bed.start();
  expect(await node.projector.waitFor(await bed.append(...happenings), 20_000)).toBe(true);
  return node;
}

/** So many sessions with two messages and a participant each. */
const sessionsOf = (count: number): Happening[] =>
  Array.from({ length: count }, (_, n) => `s${n}`).flatMap((sessionId) => [
    posted(sessionId, 1),
    { ...posted(sessionId, 2), occurredAt: '2026-01-01T00:00:00.000Z' },
    {
      ...{ sessionId, type: 'participant.joined' },
      data: { participantId: 'p', kind: 'agent', extra: { b: [1, 2.5], a: null } },
    },
  ]);

/** By session: which is found first is up to chance. */
const listed = async (node: Node, projection: Projection): Promise<ListedDifference[]> => {
  const found = await repairsOf(node).differences(projection.name);
  return found.sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1));
};

const execute = (dataSource: DataSource, sql: string): Promise<unknown> => dataSource.query(sql);

describe('the continuous check', () => {
  it('finds nothing where nothing was tampered with, whatever the history', async () => {
    const history = fc.sample(histories(60), { numRuns: 8, seed: 5 }).flat();
    const node = await projected(...history);
    const { sampler, notices } = samplerOf(node);
    for (let nth = 0; nth < 8; nth += 1) await sampler.checkNext();
    expect(notices).toEqual([]);
    expect(sampler.counts()).toEqual(all.map(({ name }) => ({ name, checked: 8, differences: 0 })));
  });

  it('finds tampered rows within one cycle, and each is healed alone', async () => {
    const node = await projected(...sessionsOf(40));
    const before = await storedRows(node.dataSource);
    for (const sql of [
      `update sessions set name = 'other' where session_id = 's3'`,
      `update messages set content = 'other' where session_id = 's7' and message_id = 'm2'`,
      `delete from messages where session_id = 's11' and message_id = 'm1'`,
      `update participants set participant_id = 'q' where session_id = 's23'`,
      `delete from sessions where session_id = 's39'`,
    ]) {
      await execute(node.dataSource, sql);
    }
    const { sampler, notices } = samplerOf(node);
    const seen = new Set<string | undefined>();
    for (let nth = 0; nth < 40; nth += 1) seen.add(await sampler.checkNext());
    expect(seen.size).toBe(40);
    const found = notices.map(({ about: { sessionId, projection, kind, key, column } }) =>
      [projection, sessionId, kind, key, column].join(' '),
    );
    expect(found.sort()).toEqual([
      'messages s11 missing m1 ',
      'messages s7 value m2 content',
      'participants s23 extra q ',
      'participants s23 missing p ',
      'sessions s3 value s3 name',
      'sessions s39 missing s39 ',
    ]);
    expect(sampler.counts().map(({ differences }) => differences)).toEqual([2, 2, 2]);
    expect(await listed(node, messages)).toMatchObject([
      { sessionId: 's11', kind: 'missing', key: 'm1', revision: 0, expected: null, stored: null },
      {
        ...{ sessionId: 's7', kind: 'value', key: 'm2', column: 'content', revision: 1 },
        ...{ expected: 'text', stored: 'other' },
      },
    ]);

    await repairsOf(node).refold('messages', 's7');
    expect(await listed(node, messages)).toMatchObject([{ sessionId: 's11' }]);
    const afterOne = await storedRows(node.dataSource);
    expect(Object.keys(afterOne.messages)).toHaveLength(79);
    expect(afterOne.sessions).not.toStrictEqual(before.sessions);
    for (const [name, sessionId] of [
      ['messages', 's11'],
      ['participants', 's23'],
      ['sessions', 's3'],
      ['sessions', 's39'],
    ] as const) {
      expect((await repairsOf(node).refold(name, sessionId)).written).toBeLessThanOrEqual(2);
    }
    expect(await storedRows(node.dataSource)).toStrictEqual(before);
    for (const projection of all) expect(await listed(node, projection)).toEqual([]);
    for (let nth = 0; nth < 40; nth += 1) await sampler.checkNext();
    expect(notices).toHaveLength(6);
  }, 120_000);

  it.each([
    ['a number of many digits', 'messages', 'cost_nano', '9007199254740993', '9007199254740992'],
    ['the last bit of a fraction', 'messages', 'duration_ms', '0.30000000000000004', '0.3'],
    ['null for 0', 'messages', 'tokens', 'null', '0'],
    ['a number with another scale in JSON', 'messages', 'extra', `'{"n":1.0}'`, '{"n":1}'],
    ['the order of keys in JSON', 'messages', 'extra', `'{"n":1 }'`, '{"n":1}'],
    ['a space at the end of a text', 'messages', 'content', `'text '`, 'text'],
  ])('compares what is stored to the last bit: %s', async (_what, table, column, sql, expected) => {
    const data = {
      ...{ messageId: 'm1', role: 'assistant', source: 'agent', content: 'text' },
      ...{ costNano: 9007199254740992, durationMs: 0.3, tokens: 0, extra: { n: 1 } },
    };
    const node = await projected({ sessionId: 'a', type: 'message.posted', data });
    const { sampler } = samplerOf(node);
    await sampler.checkNext();
    expect(await listed(node, messages)).toEqual([]);
    await execute(node.dataSource, `update ${table} set ${column} = ${sql}`);
    await sampler.checkNext();
    expect(await listed(node, messages)).toMatchObject([{ key: 'm1', column, expected }]);
  });

  it('raises no false alarm while 16 sessions are written to', async () => {
    const node = await bed.start();
    const { sampler, notices } = samplerOf(node);
    const state = { isWriting: true, checks: 0 };
    const checking = (async () => {
      while (state.isWriting) {
        await sampler.checkNext();
        state.checks += 1;
      }
    })();
    for (let nth = 0; state.checks < 25; nth += 1) {
      for (let n = 0; n < 16; n += 1) await bed.append(posted(`s${n}`, nth % 7, `${nth}`));
      await sleep(10);
    }
    state.isWriting = false;
    await checking;
    expect(notices).toEqual([]);
    expect(sampler.counts()[0]?.checked).toBeGreaterThan(10);
  }, 120_000);

  it('passes over parked, long and half-known sessions', async () => {
    const node = await projected(...sessionsOf(2));
    await execute(node.dataSource, `update messages set content = 'other'`);
    const none = samplerOf(node, { limits: { checkedSessionEventsMax: 2 } });
    await none.sampler.checkNext();
    expect(none.sampler.counts().map(({ checked }) => checked)).toEqual([0, 0, 0]);
    await execute(node.dataSource, `insert into parked values ('messages', 's0', 0, 'id', 'x')`);
    const { sampler } = samplerOf(node);
    for (let nth = 0; nth < 2; nth += 1) await sampler.checkNext();
    expect((await listed(node, messages)).map(({ sessionId }) => sessionId)).toEqual(['s1', 's1']);
  });

  it('keeps a bounded number of differences, and of one check', async () => {
    const happenings = Array.from({ length: 30 }, (_, nth) => posted('a', nth));
    const node = await projected(...happenings, posted('b', 1));
    await execute(node.dataSource, `update messages set content = 'other', role = 'user'`);
    const { sampler, notices } = samplerOf(node, {
      limits: { differencesPerCheckMax: 7, differencesMax: 5 },
    });
    for (let nth = 0; nth < 4; nth += 1) await sampler.checkNext();
    expect(notices).toHaveLength(2 * (7 + 2));
    expect(await listed(node, messages)).toHaveLength(5);
  });

  it('runs by itself, as often as it is asked to, and stops', async () => {
    const node = await projected(...sessionsOf(3));
    await execute(node.dataSource, `update sessions set name = 'other' where session_id = 's1'`);
    const { sampler, notices } = samplerOf(node, { perMinute: 6_000 });
    await eventually(() => notices.length >= 2);
    await sampler.stop();
    const { length } = notices;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(notices).toHaveLength(length);
  });

  it('has nothing to do without sessions', async () => {
    const { sampler } = samplerOf(await bed.start());
    expect(await sampler.checkNext()).toBeUndefined();
  });
});
