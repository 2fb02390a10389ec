import type { SessionEvent } from '@playhead/contract';
import type { Projection } from '../../src/projecting/projection.ts';
import { findParked, parkedSince } from '../../src/projecting/parked-sessions.ts';
import { SessionRepairs } from '../../src/projecting/session-repairs.ts';
import { skippedEventIds } from '../../src/projecting/skipped-events.ts';
import { messages, type MessageRow } from '../../projections/messages.ts';
import { foldRows, posted, rowKey, type Happening } from '../support/histories.ts';
import {
  eventually,
  readModelFixture,
  sessionEvents,
  storedRows,
  testLimits,
  type Node,
} from '../support/read-models.ts';

const bed = readModelFixture();

const isPoison = (event: SessionEvent): boolean =>
  (event.data as { content?: unknown }).content === 'poison';

/** As it was before somebody mended it. */
const broken: Projection<MessageRow> = {
  ...messages,
  evolve: (row, event) => {
    if (isPoison(event)) throw new Error('cannot');
    return messages.evolve(row, event);
  },
};

const repairsOf = (node: Node, projection: Projection = messages): SessionRepairs =>
  new SessionRepairs([projection], {
    ...{ database: node.dataSource, log: bed.log, limits: testLimits() },
    onRefolded: (name) => node.projector.refolded(name),
  });

/** A node that has taken these events with a projection that has poison. */
async function withPoison(...happenings: Happening[]): Promise<Node> {
  const node = await bed.start({ projections: [broken] });
  expect(await node.projector.waitFor(await bed.append(...happenings), 60_000)).toBe(true);
  return node;
}

const parkedOf = (node: Node): number => node.projector.status()[0]?.parked ?? NaN;

const skip = async (node: Node, sessionId: string, record = () => Promise.resolve()) => {
  const parked = await findParked(node.dataSource, 'messages', sessionId);
  if (!parked) throw new Error('not parked');
  return repairsOf(node, broken).skip(parked, 'a test', record);
};

const expectRows = async (node: Node, leftOut: (event: SessionEvent) => boolean) => {
  const taken = (await sessionEvents(bed.log)).filter((event) => !leftOut(event));
  const { messages: rows } = foldRows(taken);
  expect((await storedRows(node.dataSource)).messages).toStrictEqual(rows);
};

describe('a parked session', () => {
  it('is 1 in 1,000, the others flow; after the fix a retry gives the rows of a clean run', async () => {
    const happenings = [1, 2, 3].flatMap((nth) =>
      Array.from({ length: 1_000 }, (_, n) =>
        posted(`s${n}`, nth, n === 500 && nth === 2 ? 'poison' : 'text'),
      ),
    );
    const node = await withPoison(...happenings);
    const end = await bed.append(posted('s500', 4), posted('s501', 4));
    expect(await node.projector.waitFor(end, 10_000)).toBe(true);
    await expectRows(node, ({ sessionId, revision }) => sessionId === 's500' && revision > 0);
    expect(await repairsOf(node).list()).toMatchObject({
      parked: [{ projection: 'messages', sessionId: 's500', revision: 1, error: 'cannot' }],
      total: 1,
    });
    expect(await repairsOf(node, broken).refold('messages', 's500')).toMatchObject({
      parked: { revision: 1 },
    });
    expect(parkedOf(node)).toBe(1);

    expect(await repairsOf(node).refold('messages', 's500')).toMatchObject({ parked: null });
    await eventually(() => parkedOf(node) === 0);
    await expectRows(node, () => false);
    const after = await bed.append(posted('s500', 5), posted('s501', 5));
    expect(await node.projector.waitFor(after, 10_000)).toBe(true);
    await expectRows(node, () => false);

    // To the byte what a run from the start gives.
    const text =
      'select json_agg(messages order by session_id, message_id)::text as all from messages';
    const retried = await node.dataSource.query<{ all: string }[]>(text);
    await node.projector.stop();
    await node.dataSource.query('truncate messages, checkpoints');
    const clean = await bed.start({ projections: [messages] });
    expect(await clean.projector.waitFor(after, 60_000)).toBe(true);
    expect(await clean.dataSource.query(text)).toEqual(retried);
  }, 240_000);

  it('goes on without an event that is skipped, also when the read model is rebuilt', async () => {
    const node = await withPoison(
      ...[posted('a', 1), posted('a', 2, 'poison'), posted('a', 3), posted('b', 1)],
    );
    const recorded: string[] = [];
    const record = async () => void recorded.push('recorded');
    expect(await skip(node, 'a', record)).toMatchObject({ parked: null });
    expect(recorded).toEqual(['recorded']);
    await eventually(() => parkedOf(node) === 0);
    await expectRows(node, isPoison);
    const end = await bed.append(posted('a', 4));
    expect(await node.projector.waitFor(end, 10_000)).toBe(true);
    await expectRows(node, isPoison);
    expect([...(await skippedEventIds(node.dataSource, 'messages'))]).toHaveLength(1);

    // A projection of another version is rebuilt at its start.
    await node.projector.stop();
    const next = await bed.start({ projections: [{ ...broken, version: broken.version + 1 }] });
    await eventually(() => next.projector.status()[0]?.position === end);
    await eventually(
      async () => Object.keys((await storedRows(next.dataSource)).messages).length === 4,
    );
    await expectRows(next, isPoison);
    expect(parkedOf(next)).toBe(0);
  });

  it('is parked at the next event that cannot be folded either', async () => {
    const node = await withPoison(
      ...[posted('a', 1), posted('a', 2, 'poison'), posted('a', 3), posted('a', 4, 'poison')],
    );
    const before = await findParked(node.dataSource, 'messages', 'a');
    expect(await skip(node, 'a')).toMatchObject({ parked: { revision: 3 } });
    const { messages: rows } = await storedRows(node.dataSource);
    expect(Object.keys(rows).sort()).toEqual([rowKey('a', 'm1'), rowKey('a', 'm3')]);
    const after = await findParked(node.dataSource, 'messages', 'a');
    expect(Date.parse(after?.at ?? '')).toBeGreaterThan(Date.parse(before?.at ?? ''));
    expect(await skip(node, 'a')).toMatchObject({ parked: null });
    await expectRows(node, isPoison);
  });

  it('is not skipped when that cannot be recorded, and stays parked', async () => {
    const node = await withPoison(posted('a', 1, 'poison'), posted('a', 2));
    const failing = skip(node, 'a', () => Promise.reject(new Error('the log is away')));
    await expect(failing).rejects.toThrow('the log is away');
    expect((await skippedEventIds(node.dataSource, 'messages')).size).toBe(0);
    expect(await repairsOf(node).list()).toMatchObject({ total: 1 });
  });

  it('tells since when, what its event is and how many wait', async () => {
    const node = await withPoison(posted('a', 1, 'poison'), posted('a', 2), posted('a', 3));
    const parked = await findParked(node.dataSource, 'messages', 'a');
    expect(parked?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.parse(parked?.at ?? '') - Date.now())).toBeLessThan(60_000);
    expect(await repairsOf(node).waiting(parked!)).toMatchObject({
      event: { revision: 0, type: 'message.posted', sessionId: 'a' },
      waiting: 2,
    });
    const since = (...names: string[]) => parkedSince(node.dataSource, names, ['a', 'b']);
    expect([...(await since('messages', 'sessions'))]).toEqual([['a', parked?.at]]);
    expect((await since('sessions')).size).toBe(0);
    expect(node.projector.hasParked(['messages'])).toBe(true);
    expect(node.projector.hasParked(['sessions'])).toBe(false);
  });

  it('that another node takes care of is not counted any more, though nothing happens', async () => {
    const node = await withPoison(posted('a', 1, 'poison'));
    const other = await bed.start({ projections: [broken] });
    await repairsOf(other).refold('messages', 'a');
    await eventually(() => parkedOf(node) === 0 && parkedOf(other) === 0);
  });
});
