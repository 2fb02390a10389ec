import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { openMemoryLog } from '../../src/log/memory/index.ts';
import type { Projection } from '../../src/projecting/projection.ts';
import { sessions, type SessionRow } from '../../projections/sessions.ts';
import { freshDatabase } from '../support/database.ts';
import { appendAll, foldRows, histories, newEvent, posted, rowKey } from '../support/histories.ts';
import {
  eventually,
  readModelFixture,
  sessionEvents,
  startNode,
  storedRows,
  watchQueries,
} from '../support/read-models.ts';

const bed = readModelFixture();

const expectFolds = async (dataSource: DataSource): Promise<void> => {
  expect(await storedRows(dataSource)).toStrictEqual(foldRows(await sessionEvents(bed.log)));
};

describe('the projections', () => {
  it('hold what the folds of the contract give, field by field, for any history', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories(60),
        histories(30),
        fc.integer({ min: 1, max: 40 }),
        async (before, after, projectionBatchMax) => {
          const own = await freshDatabase();
          const memory = openMemoryLog();
          await appendAll(memory, before);
          const node = await startNode(own.url, memory, { limits: { projectionBatchMax } });
          const end = await appendAll(memory, after);
          try {
            expect(await node.projector.waitFor(end, 10_000)).toBe(true);
            expect(await storedRows(node.dataSource)).toStrictEqual(
              foldRows(await sessionEvents(memory)),
            );
            expect(node.projector.status().map(({ parked, error }) => [parked, error])).toEqual(
              Array(3).fill([0, null]),
            );
          } finally {
            await node.stop();
            await memory.close();
            await own.drop();
          }
        },
      ),
      { numRuns: 40 },
    );
  }, 240_000);

  it('catch up from far behind what the follower keeps, then go on live', async () => {
    const many = Array.from({ length: 3_000 }, (_, n) => posted(`s${n % 37}`, n));
    await appendAll(bed.log, many);
    const node = await bed.start({ limits: { tailBytesMax: 10_000, projectionBatchMax: 100 } });
    expect(node.tail.after('')).toBeUndefined();
    const end = await bed.append(posted('s0', 3_001), posted('new', 1));
    expect(await node.projector.waitFor(end, 20_000)).toBe(true);
    await expectFolds(node.dataSource);
    expect(node.notices).toEqual([]);
  }, 240_000);

  it('take large events in batches of bounded size', async () => {
    const content = 'y'.repeat(400_000);
    const large = Array.from({ length: 30 }, (_, n) => ({
      ...posted('s', n),
      data: { messageId: `m${n}`, role: 'user', source: 'user', content },
    }));
    const end = await appendAll(bed.log, large);
    const statements: number[] = [];
    const node = await bed.start({
      limits: { readBytesMax: 1_000_000 },
      prepare: (dataSource) =>
        watchQueries(dataSource, (sql, parameters, run) => {
          if (sql.includes('into "messages"')) statements.push(String(parameters[0]).length);
          return run();
        }),
    });
    expect(await node.projector.waitFor(end, 20_000)).toBe(true);
    await expectFolds(node.dataSource);
    expect(Math.max(...statements)).toBeLessThan(1_500_000);
    expect(node.notices).toEqual([]);
  });

  it('pass over streams that are no session, and ids no session can have', async () => {
    const node = await bed.start();
    await bed.log.append({ stream: 'system', expected: -1, events: [newEvent(posted('x', 1))] });
    const odd = [posted('', 1), posted('   ', 1), posted('x'.repeat(240), 1)];
    const end = await bed.append(...odd, posted('real', 1));
    expect(await node.projector.waitFor(end, 10_000)).toBe(true);
    expect(Object.keys((await storedRows(node.dataSource)).sessions)).toEqual([rowKey('real')]);
    expect(node.projector.status().map(({ parked }) => parked)).toEqual([0, 0, 0]);
  });

  it('say how far behind they are, and that they are behind no more', async () => {
    const node = await bed.start();
    await node.projector.waitFor(await bed.append(posted('s', 1)), 10_000);
    const [idle] = node.projector.status();
    expect(idle).toMatchObject({ name: 'sessions', lagEvents: 0, lagMs: 0, error: null });

    const blocker = node.dataSource.createQueryRunner();
    await blocker.startTransaction();
    await blocker.query('lock table sessions');
    const recent = { ...newEvent(posted('s', 2)) };
    const meta = { ...recent.meta, at: new Date(Date.now() - 5_000).toISOString() };
    await bed.log.append({ stream: 'session-s', expected: 0, events: [{ ...recent, meta }] });
    const end = await bed.append(posted('s', 3));
    await eventually(() => node.projector.status()[1]?.lagEvents === 0);
    const [sessions, messages] = node.projector.status();
    expect(sessions).toMatchObject({ lagEvents: 2, position: idle?.position });
    expect(sessions?.lagMs).toBeGreaterThanOrEqual(5_000);
    expect(sessions?.lagMs).toBeLessThan(15_000);
    expect(messages).toMatchObject({ position: end, lagMs: 0 });
    expect(await node.projector.waitFor(end, 50)).toBe(false);

    await blocker.rollbackTransaction();
    await blocker.release();
    expect(await node.projector.waitFor(end, 10_000)).toBe(true);
    expect(node.projector.status()[0]).toMatchObject({ lagEvents: 0, lagMs: 0, position: end });
  });

  it('delete the row of which evolve says that there is none', async () => {
    const open: Projection<SessionRow> = {
      ...sessions,
      evolve: (row, event) =>
        event.type === 'session.ended' ? undefined : sessions.evolve(row, event),
    };
    const node = await bed.start({ projections: [open] });
    const ended = { sessionId: 'b', type: 'session.ended', data: { as: 'completed' } };
    const begun = await bed.append(posted('a', 1), posted('b', 1), posted('c', 1));
    await node.projector.waitFor(begun, 10_000);
    await node.projector.waitFor(await bed.append(ended), 10_000);
    expect(Object.keys((await storedRows(node.dataSource)).sessions).sort()).toEqual([
      rowKey('a'),
      rowKey('c'),
    ]);
    await node.projector.waitFor(await bed.append(posted('b', 2)), 10_000);
    const { sessions: rows } = await storedRows(node.dataSource);
    expect(rows[rowKey('b')]).toMatchObject({ revision: 2, counted: { messages: 1 } });
  });

  it('stop in the middle of much work, at the end of a batch', async () => {
    const end = await appendAll(
      bed.log,
      Array.from({ length: 2_000 }, (_, n) => posted(`s${n % 5}`, n)),
    );
    const node = await bed.start({ limits: { projectionBatchMax: 20 } });
    await eventually(() => node.projector.status().every(({ position }) => position > ''));
    await node.projector.stop();
    const stopped = node.projector.status().map(({ position }) => position);
    expect(stopped.every((position) => position < end)).toBe(true);
    const [event] = await sessionEvents(bed.log);
    expect(event).toBeDefined();
    const taken = (await sessionEvents(bed.log)).filter(({ position }) => position <= stopped[0]!);
    expect((await storedRows(node.dataSource)).sessions).toStrictEqual(foldRows(taken).sessions);
  }, 240_000);
});
