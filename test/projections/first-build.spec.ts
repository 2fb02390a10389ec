import fc from 'fast-check';
import { messages } from '../../projections/messages.ts';
import { participants } from '../../projections/participants.ts';
import { sessions } from '../../projections/sessions.ts';
import { openMemoryLog } from '../../src/log/memory/index.ts';
import { appendAll, foldRows, histories, posted } from '../support/histories.ts';
import { readModelFixture, sessionEvents, storedRows, type Node } from '../support/read-models.ts';

const bed = readModelFixture();
const limits = { firstBuildEventsMin: 20 };
const built = ({ rebuilding }: Node) =>
  rebuilding.notices.filter(({ message }) => message === 'read model was built');

const caughtUp = async (node: Node, log = bed.log): Promise<void> => {
  expect(await node.projector.waitFor(await log.head(), 10_000)).toBe(true);
};

const expectFolded = async (node: Node, log = bed.log): Promise<void> =>
  expect(await storedRows(node.dataSource)).toStrictEqual(foldRows(await sessionEvents(log)));

const many = (seed: number) => fc.sample(histories(40), { numRuns: 6, seed }).flat();

describe('read models that have no rows yet', () => {
  it('are filled by one reading of a long log, and take what came meanwhile', async () => {
    await bed.append(...many(1));
    const jobs = new Set<string>();
    let parts = 0;
    const node: Node = await bed.start({
      ...{ limits, isRebuilding: true },
      beforePart: async () => {
        for (const { rebuild } of await node.rebuilding.rebuilds.status()) {
          if (rebuild) jobs.add(rebuild.job);
        }
        // Parts are filled beside each other: each writes to a session of its own.
        await bed.append(posted(`meanwhile ${(parts += 1)}`, 1));
      },
    });
    await caughtUp(node);
    expect(built(node).map(({ about }) => about.projection)).toEqual(
      expect.arrayContaining(['sessions', 'messages', 'participants']),
    );
    expect(jobs.size).toBe(1);
    // Its last part was filled while events came that it does not take.
    await caughtUp(node);
    await expectFolded(node);
    const left = await node.dataSource.query(
      `select (select count(*)::int from rebuilds) as rebuilds,
         (select count(*)::int from checkpoints) as checkpoints,
         (select count(*)::int from pg_tables
          where schemaname in ('playhead_rebuild', 'playhead_previous')) as tables`,
    );
    expect(left).toEqual([{ rebuilds: 0, checkpoints: 3, tables: 0 }]);
  });

  it('are filled once by two nodes, while a node of another version stands by', async () => {
    await bed.append(...many(2));
    const older = { ...sessions, version: sessions.version - 1 };
    const options = { limits: { ...limits, projectionStandbyMs: 20 }, isRebuilding: true };
    const nodes = await Promise.all([
      bed.start(options),
      bed.start(options),
      bed.start({ ...options, projections: [older, messages, participants] }),
    ]);
    for (const node of nodes) await caughtUp(node);
    for (const node of nodes) await expectFolded(node);
    // Both of the read models that have one version were filled once, whoever did it.
    const names = nodes.flatMap(built).map(({ about }) => about.projection);
    for (const name of ['messages', 'participants']) {
      expect(names.filter((one) => one === name)).toEqual([name]);
    }
  });

  it('are projected event by event when filling them fails', async () => {
    await bed.append(...many(3));
    const node = await bed.start({
      ...{ limits, isRebuilding: true },
      beforePart: () => {
        throw new Error('no space left');
      },
    });
    await caughtUp(node);
    await expectFolded(node);
    expect(built(node)).toEqual([]);
    expect(node.rebuilding.notices).toContainEqual(
      expect.objectContaining({ message: 'rebuild failed' }),
    );
  });

  it('are projected event by event from a short log', async () => {
    await bed.append(posted('a', 1), posted('b', 1));
    const node = await bed.start({ limits, isRebuilding: true });
    await caughtUp(node);
    await expectFolded(node);
    expect(built(node)).toEqual([]);
  });

  it('cannot be cancelled: there is nothing else to read', async () => {
    await bed.append(...many(4));
    let refusal: unknown;
    const node: Node = await bed.start({
      ...{ limits, isRebuilding: true },
      beforePart: async () => {
        refusal ??= await node.rebuilding.rebuilds
          .cancel('sessions')
          .catch((failure: unknown) => failure);
      },
    });
    await caughtUp(node);
    expect(String(refusal)).toContain('its first build cannot be cancelled');
    await expectFolded(node);
  });

  it('keep nothing of another log when one was restored', async () => {
    await bed.append(...many(5));
    const first = await bed.start({ limits, isRebuilding: true });
    await caughtUp(first);
    await first.rebuilding.rebuilds.request(['sessions']);
    await first.rebuilding.until('sessions', ({ rebuild }) => rebuild?.phase === 'ready');
    await first.rebuilding.rebuilds.swap('sessions');
    await first.rebuilding.rebuilds.request(['messages']);
    await first.rebuilding.until('messages', ({ rebuild }) => rebuild?.phase === 'ready');
    await first.rebuilding.rebuilds.stop();
    await first.projector.stop();
    const restored = openMemoryLog();
    await appendAll(restored, many(6));
    const node = await bed.start({ limits, isRebuilding: true }, restored);
    await caughtUp(node, restored);
    await expectFolded(node, restored);
    expect(built(node)).not.toEqual([]);
  });
});
