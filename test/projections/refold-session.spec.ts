import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionEvent } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import type { Projection } from '../../src/projecting/projection.ts';
import { refoldedModelOf } from '../../src/projecting/read-model.ts';
import { refoldSession, type Refolded } from '../../src/projecting/refold-session.ts';
import { NotRefoldable } from '../../src/projecting/session-replay.ts';
import { messages, type MessageRow } from '../../projections/messages.ts';
import { participants } from '../../projections/participants.ts';
import { sessions } from '../../projections/sessions.ts';
import { foldRows, newEvent, posted, rowKey, type Happening } from '../support/histories.ts';
import {
  eventually,
  readModelFixture,
  sessionEvents,
  storedRows,
  testLimits,
  type Node,
} from '../support/read-models.ts';

const bed = readModelFixture();
const limits = testLimits();

const refold = (node: Node, projection: Projection, sessionId: string): Promise<Refolded> =>
  refoldSession(refoldedModelOf(node.dataSource, projection), bed.log, sessionId, limits);

const parkedRows = (
  dataSource: DataSource,
  projection = '%',
): Promise<{ session_id: string; revision: number }[]> =>
  dataSource.query('select * from parked where projection like $1 order by session_id', [
    projection,
  ]);

const refoldsOf = async (dataSource: DataSource): Promise<number> => {
  const [found] = await dataSource.query<{ sum: number }[]>(
    'select sum(generation)::int as sum from checkpoints',
  );
  return found?.sum ?? 0;
};

const isPoison = (event: SessionEvent): boolean =>
  (event.data as { content?: unknown }).content === 'poison';

const throwing: Projection<MessageRow> = {
  ...messages,
  evolve: (row, event) => {
    if (isPoison(event)) throw new Error('cannot');
    return messages.evolve(row, event);
  },
};

/** As long as it is sick, one event in 16 is poison to it. */
const failingAtSome = (projection: Projection, isSick: () => boolean): Projection => ({
  ...projection,
  keys(event) {
    if (isSick() && event.id.endsWith('0')) throw new Error('sick');
    return projection.keys(event);
  },
});

/** Appends so many events to a session, one by one. */
const write = async (sessionId: string, count: number): Promise<void> => {
  for (let nth = 0; nth < count; nth += 1) {
    const joined: Happening = {
      ...{ sessionId, type: 'participant.joined' },
      data: { participantId: `p${nth % 3}`, kind: 'agent', name: `${nth}` },
    };
    const happening = nth % 4 === 0 ? joined : posted(sessionId, nth % 9, `${nth}`);
    const events = [newEvent(happening)];
    await bed.log.append({ stream: `session-${sessionId}`, expected: nth - 1, events });
    await sleep((sessionId.length + nth) % 7);
  }
};

describe('a session that is folded again while the projections run', () => {
  it('gets the rows of a clean fold, whoever writes and parks at the same time', async () => {
    const state = { isSick: true, isWriting: true, refolds: 0 };
    const healthy = [sessions, messages, participants] as const;
    const sick = healthy.map((projection) => failingAtSome(projection, () => state.isSick));
    const bounds = { projectionStandbyMs: 50, projectionBatchMax: 40 };
    const nodes = [
      await bed.start({ projections: sick, limits: bounds }),
      await bed.start({ projections: sick, limits: bounds }),
    ] as const;
    const refolding = nodes.flatMap((node) =>
      healthy.map(async (projection) => {
        for (let nth = 0; state.isWriting; nth += 1) {
          const [parked] = await parkedRows(node.dataSource, projection.name);
          await refold(node, projection, parked?.session_id ?? `s${(7 * nth) % 16}`).then(
            (done) => {
              expect(done.parked).toBeUndefined();
              state.refolds += 1;
            },
            (failure: unknown) => expect(failure).toBeInstanceOf(NotRefoldable),
          );
          await sleep(nth % 5);
        }
      }),
    );
    await Promise.all(Array.from({ length: 16 }, (_, n) => write(`s${n}`, 120)));
    state.isSick = false;
    const end = await bed.log.head();
    for (const node of nodes) expect(await node.projector.waitFor(end, 20_000)).toBe(true);
    const { dataSource } = nodes[0];
    await eventually(async () => (await parkedRows(dataSource)).length === 0);
    state.isWriting = false;
    await Promise.all(refolding);
    expect(await storedRows(dataSource)).toStrictEqual(foldRows(await sessionEvents(bed.log)));
    expect(await refoldsOf(dataSource)).toBe(state.refolds);
    expect(state.refolds).toBeGreaterThan(20);
    const parked = nodes.flatMap(({ notices }) => notices);
    expect(parked.length).toBeGreaterThan(5);
    expect(parked.filter(({ message }) => message !== 'session parked')).toEqual([]);
  }, 120_000);

  it('has no event in its rows that is beyond the checkpoint', async () => {
    const node = await bed.start();
    await node.projector.waitFor(await bed.append(posted('a', 1)), 10_000);
    await node.projector.stop();
    await bed.append(posted('a', 2));
    await node.dataSource.query('truncate messages');
    await refold(node, messages, 'a');
    expect(Object.keys((await storedRows(node.dataSource)).messages)).toEqual([rowKey('a', 'm1')]);
    const next = await bed.start();
    expect(await next.projector.waitFor(await bed.log.head(), 10_000)).toBe(true);
    const { messages: rows } = foldRows(await sessionEvents(bed.log));
    expect((await storedRows(node.dataSource)).messages).toStrictEqual(rows);
  });

  it('does not stop the projection for longer than the loop takes to read its checkpoint', async () => {
    const node = await bed.start({ limits: { projectionStandbyMs: 5_000 } });
    await node.projector.waitFor(await bed.append(posted('a', 1), posted('b', 1)), 10_000);
    await refold(node, messages, 'a');
    const begun = performance.now();
    expect(await node.projector.waitFor(await bed.append(posted('a', 2)), 10_000)).toBe(true);
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(node.projector.status().some(({ standingBy }) => standingBy)).toBe(false);
  });
});

describe('a session that cannot be folded again', () => {
  const caughtUp = async (...happenings: Happening[]): Promise<Node> => {
    const node = await bed.start();
    expect(await node.projector.waitFor(await bed.append(...happenings), 10_000)).toBe(true);
    return node;
  };

  it('is refused when another version keeps the rows, and they stay', async () => {
    const node = await caughtUp(posted('a', 1));
    const before = await storedRows(node.dataSource);
    const version = messages.version + 1;
    const refused = refold(node, { ...messages, version }, 'a');
    await expect(refused).rejects.toThrow('another version of the service');
    expect(await storedRows(node.dataSource)).toStrictEqual(before);
  });

  it('is refused when the log does not have its beginning, or nothing of it', async () => {
    const node = await caughtUp(posted('a', 1), posted('a', 2));
    const before = await storedRows(node.dataSource);
    const truncated = Object.assign(Object.create(bed.log) as typeof bed.log, {
      read: (stream: string, options: { after: number; limit: number }) =>
        bed.log.read(stream, { ...options, after: Math.max(0, options.after) }),
    });
    const model = refoldedModelOf(node.dataSource, messages);
    await expect(refoldSession(model, truncated, 'a', limits)).rejects.toThrow(
      'no longer has the beginning',
    );
    await expect(refold(node, messages, 'nobody')).rejects.toThrow('has no event of this session');
    expect(await storedRows(node.dataSource)).toStrictEqual(before);
  });

  it('is parked at the event that a function throws at, with the rows before it', async () => {
    const node = await caughtUp(posted('a', 1), posted('a', 2, 'poison'), posted('a', 1, 'later'));
    const { parked } = await refold(node, throwing, 'a');
    expect(parked).toMatchObject({ sessionId: 'a', revision: 1, error: 'cannot' });
    expect(await parkedRows(node.dataSource)).toMatchObject([{ session_id: 'a', revision: 1 }]);
    const { messages: rows } = await storedRows(node.dataSource);
    expect(Object.values(rows)).toMatchObject([{ messageId: 'm1', content: 'text' }]);
  });

  it.each([
    ['a NUL in its text', { content: 'a\u0000b' }],
    ['a fraction where a count belongs', { sequence: 1.5 }],
    ['null where text must be', { content: null }],
    ['an id too long for any index', { messageId: 'long' }],
  ])('is parked at the event that Postgres refuses: %s', async (_what, data) => {
    const random = Array.from({ length: 20_000 }, () => Math.random().toString(36)[2]).join('');
    const fields = 'messageId' in data ? { messageId: random } : data;
    const [first, poison, ...rest] = [1, 2, 3, 4].map((nth) => posted('a', nth));
    const sick = { ...poison!, data: { ...(poison?.data as object), ...fields } };
    const node = await bed.start({ projections: [messages] });
    await node.projector.waitFor(await bed.append(first!, sick, ...rest), 10_000);
    const before = await parkedRows(node.dataSource);
    expect(before).toMatchObject([{ session_id: 'a', revision: 1 }]);
    await node.dataSource.query('truncate messages');
    const { parked } = await refold(node, messages, 'a');
    expect(parked).toMatchObject({ sessionId: 'a', revision: 1 });
    expect(await parkedRows(node.dataSource)).toEqual(before);
    expect(Object.keys((await storedRows(node.dataSource)).messages)).toEqual([rowKey('a', 'm1')]);
  });
});
