import type { SessionEvent } from '@playhead/contract';
import { CELLS_MAX, evolveCells, type Cell } from '../../projections/session-metrics/cells.ts';
import {
  groupMetrics,
  metricGroups,
  sessionTotals,
  type DayRange,
  type GroupMetrics,
} from '../../projections/session-metrics/metrics.ts';
import { sessionMetrics } from '../../projections/session-metrics/session-metrics.ts';
import type { Projection } from '../../src/projecting/projection.ts';
import { refoldedModelOf } from '../../src/projecting/read-model.ts';
import { refoldSession } from '../../src/projecting/refold-session.ts';
import { expectedGroups, expectedTotals, metricHappenings } from '../support/expected-metrics.ts';
import { newEvent } from '../support/histories.ts';
import {
  eventually,
  readModelFixture,
  sessionEvents,
  testLimits,
  type Node,
} from '../support/read-models.ts';

const bed = readModelFixture();

const ranges: readonly DayRange[] = [
  {},
  { from: '2024-02-29', to: '2024-03-01' },
  { from: '2025-01-01' },
  { to: '2024-02-29' },
];

const byGroup = (groups: readonly { group: string | null }[]) =>
  Object.fromEntries(groups.map((one) => [String(one.group), one]));

/** Compares all answers with those of the events. */
async function expectMetrics({ dataSource }: Node, events: readonly SessionEvent[]): Promise<void> {
  for (const range of ranges) {
    expect(await sessionTotals(dataSource, range)).toEqual(expectedTotals(events, range));
    for (const group of metricGroups) {
      const found: GroupMetrics[] = [];
      for (let page = 1; ; page += 1) {
        const { groups, total } = await groupMetrics(dataSource, group, range, { page, limit: 2 });
        found.push(...groups);
        if (groups.length < 2) {
          expect(found).toHaveLength(total);
          break;
        }
      }
      expect(byGroup(found)).toEqual(byGroup(expectedGroups(events, group, range)));
    }
  }
  // Not one group is off by anything, those that nobody asks for included.
  const { rollup } = refoldedModelOf(dataSource, sessionMetrics).table;
  expect(await rollup?.countDiffering(dataSource.manager)).toBe(0);
}

const caughtUp = async (node: Node): Promise<void> => {
  expect(await node.projector.waitFor(await bed.log.head(), 60_000)).toBe(true);
};

const isPoison = ({ data }: SessionEvent): boolean =>
  (data as { content?: unknown }).content === 'poison';

describe('the metrics of sessions', () => {
  it.each([1, 7, 1_000])(
    'equal those computed from the events, in batches of %i',
    async (projectionBatchMax) => {
      const node = await bed.start({
        projections: [sessionMetrics],
        limits: { projectionBatchMax },
      });
      const many = metricHappenings(projectionBatchMax).slice(
        0,
        projectionBatchMax === 1 ? 150 : 500,
      );
      await bed.append(...many.slice(0, 100));
      await caughtUp(node);
      await expectMetrics(node, await sessionEvents(bed.log));
      await bed.append(...many.slice(100));
      await caughtUp(node);
      await expectMetrics(node, await sessionEvents(bed.log));
    },
    120_000,
  );

  it('are the same when two nodes take turns', async () => {
    const limits = { projectionBatchMax: 5, projectionStandbyMs: 20 };
    const projections = [sessionMetrics];
    const start = () => bed.start({ projections, limits });
    const nodes = await Promise.all([start(), start()]);
    const many = metricHappenings(3);
    for (let from = 0; from < many.length; from += 20)
      await bed.append(...many.slice(from, from + 20));
    for (const node of nodes) await caughtUp(node);
    await expectMetrics(nodes[0], await sessionEvents(bed.log));
  }, 120_000);

  it.each([
    ['in memory', {}],
    ['row by row', { rebuildSessionBytesMax: 400, rebuildChunkBytes: 300, projectionBatchMax: 5 }],
  ])(
    'stay so through a rebuild %s, a swap and a way back',
    async (_, limits) => {
      const many = metricHappenings(11);
      await bed.append(...many.slice(0, -60));
      const node = await bed.start({ projections: [sessionMetrics], limits });
      await caughtUp(node);
      const { rebuilds, until } = { rebuilds: node.rebuilding.rebuilds, until: node.rebuilding };
      const { name } = sessionMetrics;
      await rebuilds.request([name]);
      const { rebuild } = await until.until(name, (one) => one.rebuild?.phase === 'ready');
      expect(rebuild?.compared).toMatchObject({ differing: {}, differences: [] });
      await bed.append(...many.slice(-60, -40));
      await rebuilds.swap(name);
      await caughtUp(node);
      await expectMetrics(node, await sessionEvents(bed.log));
      await bed.append(...many.slice(-40, -20));
      await caughtUp(node);
      await expectMetrics(node, await sessionEvents(bed.log));
      expect((await rebuilds.verify(name)).differing).toEqual({});
      await rebuilds.rollback(name);
      await bed.append(...many.slice(-20));
      await caughtUp(node);
      await expectMetrics(node, await sessionEvents(bed.log));
      await rebuilds.dropPrevious(name);
    },
    120_000,
  );

  it('are put right by a rebuild when the sums were changed by hand', async () => {
    await bed.append(...metricHappenings(13));
    const node = await bed.start({ projections: [sessionMetrics] });
    await caughtUp(node);
    await node.dataSource.query('update session_metrics_rollup set tokens = tokens + 1');
    await expect(expectMetrics(node, await sessionEvents(bed.log))).rejects.toThrow();
    const { name } = sessionMetrics;
    await node.rebuilding.rebuilds.request([name]);
    await node.rebuilding.until(name, (one) => one.rebuild?.phase === 'ready');
    await node.dataSource.query(
      `update playhead_rebuild.session_metrics_rollup set tokens = tokens + 1
       where kind = 'session'`,
    );
    const { differing } = await node.rebuilding.rebuilds.verify(name);
    expect(Object.keys(differing)).toEqual(['(rollup)']);
    await node.rebuilding.rebuilds.cancel(name);
    await node.rebuilding.rebuilds.request([name]);
    await node.rebuilding.until(name, (one) => one.rebuild?.phase === 'ready');
    await node.rebuilding.rebuilds.swap(name);
    await expectMetrics(node, await sessionEvents(bed.log));
  }, 120_000);

  it('leave out what a parked session says after its poison, until it is folded again', async () => {
    const state = { isSick: true };
    const sick: Projection = {
      ...(sessionMetrics as unknown as Projection),
      evolve(row, event) {
        if (state.isSick && isPoison(event)) throw new Error('cannot');
        return (sessionMetrics as unknown as Projection).evolve(row, event);
      },
    };
    const node = await bed.start({ projections: [sick], limits: { projectionBatchMax: 40 } });
    await bed.append(...metricHappenings(17));
    await caughtUp(node);
    const all = await sessionEvents(bed.log);
    const parkedAt = new Map<string, number>();
    for (const { sessionId, revision } of all.filter(isPoison)) {
      if (!parkedAt.has(sessionId)) parkedAt.set(sessionId, revision);
    }
    expect(parkedAt.size).toBeGreaterThan(0);
    const taken = all.filter(
      ({ sessionId, revision }) => revision < (parkedAt.get(sessionId) ?? Infinity),
    );
    await expectMetrics(node, taken);
    state.isSick = false;
    const model = refoldedModelOf(node.dataSource, sick);
    const healed = [...parkedAt.keys()].map((sessionId) =>
      refoldSession(model, bed.log, sessionId, testLimits()),
    );
    await bed.append(...metricHappenings(19).slice(0, 40));
    await Promise.all(healed);
    await caughtUp(node);
    await eventually(
      async () => (await node.dataSource.query<unknown[]>('select from parked')).length === 0,
    );
    await expectMetrics(node, await sessionEvents(bed.log));
  }, 120_000);
});

describe('the cells of one session', () => {
  it('are bounded: agents and models beyond that are counted by day', () => {
    let cells: readonly Cell[] = [];
    const event = (nth: number): SessionEvent => {
      const { id, v, meta, data } = newEvent({
        ...{
          sessionId: 's',
          type: 'message.posted',
          occurredAt: `2025-01-0${1 + (nth % 2)}T00:00:00Z`,
        },
        data: {
          messageId: `m${nth}`,
          role: 'assistant',
          source: 'agent',
          content: '',
          model: `m${nth}`,
          tokens: 2,
        },
      });
      return {
        id,
        v,
        meta,
        data,
        sessionId: 's',
        revision: nth,
        position: '',
        type: 'message.posted',
      };
    };
    for (let nth = 0; nth < CELLS_MAX + 50; nth += 1) cells = evolveCells(cells, event(nth));
    expect(cells).toHaveLength(CELLS_MAX + 2);
    expect(cells.slice(-2).map(({ model, messages }) => [model, messages])).toEqual([
      [null, 25],
      [null, 25],
    ]);
    expect(cells.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(2 * (CELLS_MAX + 50));
  });
});
