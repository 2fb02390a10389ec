import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { foldRows, histories, posted } from '../support/histories.ts';
import {
  eventually,
  readModelFixture,
  sessionEvents,
  storedRows,
  watchQueries,
  type Node,
} from '../support/read-models.ts';

const bed = readModelFixture();

const expectFolds = async (node: Node): Promise<void> => {
  expect(await storedRows(node.dataSource)).toStrictEqual(foldRows(await sessionEvents(bed.log)));
  expect(await node.dataSource.query('select * from parked')).toEqual([]);
};

/** How many projections have a checkpoint that is their own. */
const checkpointsOf = async ({ dataSource }: Node): Promise<number> => {
  const own = await dataSource.query<unknown[]>('select from checkpoints where version > 0');
  return own.length;
};

/** Lets a test hold a data source up, at its next statement of some kind. */
function holdUp(at: string) {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const state = { isArmed: false, isHeld: false, isOver: false };
  const prepare = (dataSource: DataSource): void =>
    watchQueries(dataSource, async (sql, _parameters, run) => {
      if (!state.isArmed || !sql.includes(at)) return run();
      state.isHeld = true;
      await held;
      return run().finally(() => (state.isOver = true));
    });
  return { state, prepare, release: () => release() };
}

describe('two nodes on one database', () => {
  it('end in the rows that the folds give, whoever was first with each batch', async () => {
    const many = fc.sample(histories(80), { numRuns: 12, seed: 11 }).flat();
    await bed.append(...many.slice(0, 200));
    const limits = { projectionBatchMax: 9, projectionStandbyMs: 20 };
    const nodes = await Promise.all([bed.start({ limits }), bed.start({ limits })]);
    for (let from = 200; from < many.length; from += 10) {
      await bed.append(...many.slice(from, from + 10));
    }
    const end = await bed.log.head();
    for (const node of nodes) expect(await node.projector.waitFor(end, 20_000)).toBe(true);
    await expectFolds(nodes[0]);
  }, 240_000);

  it('take turns: one stands by, and goes on when the other is gone', async () => {
    const [first, second] = [await bed.start(), await bed.start()];
    const nodes = [first, second];
    for (let nth = 0; nth < 50; nth += 1) await bed.append(posted(`s${nth % 3}`, nth));
    const isSettled = () =>
      [0, 1, 2].every(
        (nth) => nodes.filter((node) => node.projector.status()[nth]?.standingBy).length === 1,
      );
    for (let nth = 50; !isSettled() && nth < 500; nth += 1) {
      await bed.append(posted('s1', nth));
      // Who is ahead shows only in another batch; a log in memory would have it all in one.
      await sleep(10);
    }
    expect(isSettled()).toBe(true);
    for (const node of nodes) {
      expect(await node.projector.waitFor(await bed.log.head(), 10_000)).toBe(true);
    }
    await first.projector.stop();
    const end = await bed.append(posted('s1', 1_000), posted('new', 1));
    expect(await second.projector.waitFor(end, 2_000)).toBe(true);
    await expectFolds(second);
  });

  it.each([
    ['before it reads rows', 'row_to_json', 'a later'],
    ['before it writes them', 'with moved', 'a later'],
    // The first batch is taken with care, in a transaction.
    ['between two batches', 'START TRANSACTION', 'the first'],
    ['in the middle of a batch', 'savepoint', 'the first'],
    ['right before it commits', 'COMMIT', 'the first'],
  ])('go on when one hangs %s, and lose nothing when it wakes up', async (_where, at, which) => {
    const limits = { projectionIdleMsMax: 300 };
    const hold = holdUp(at);
    const hanging = await bed.start({ limits, prepare: hold.prepare });
    if (which === 'a later') {
      await hanging.projector.waitFor(await bed.append(posted('a', 1)), 10_000);
    } else {
      await eventually(async () => (await checkpointsOf(hanging)) === 3);
    }
    hold.state.isArmed = true;
    await bed.append(posted('a', 2));
    await eventually(() => hold.state.isHeld);
    const other = await bed.start({ limits });
    const end = await bed.append(posted('a', 3));
    expect(await other.projector.waitFor(end, 5_000)).toBe(true);
    hold.state.isArmed = false;
    hold.release();
    // What it does then is done before anybody writes these rows again.
    await eventually(() => hold.state.isOver);
    const last = await bed.append(posted('a', 4));
    for (const node of [hanging, other]) {
      expect(await node.projector.waitFor(last, 10_000)).toBe(true);
    }
    await expectFolds(other);
  });
});
