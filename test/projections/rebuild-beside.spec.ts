import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { messages } from '../../projections/messages.ts';
import { participants } from '../../projections/participants.ts';
import { sessions, SessionRow } from '../../projections/sessions.ts';
import type { Projection } from '../../src/projecting/projection.ts';
import { foldRows, histories, posted, rowKey } from '../support/histories.ts';
import { readModelFixture, sessionEvents, storedRows, type Node } from '../support/read-models.ts';

const bed = readModelFixture();
const all: readonly Projection[] = [sessions, messages, participants];
const names = all.map(({ name }) => name);

const caughtUp = async (node: Node): Promise<void> => {
  expect(await node.projector.waitFor(await bed.log.head(), 10_000)).toBe(true);
};

/** What lies in the schema that is read: tables with their indexes and constraints. */
const definitions = async ({ dataSource }: Node): Promise<unknown> =>
  dataSource.query(
    `select tablename, indexname, indexdef, reloptions,
       (select array_agg(conname || ' ' || pg_get_constraintdef(oid) order by conname)
        from pg_constraint where conrelid = to_regclass(tablename)) as constraints
     from pg_indexes join pg_class on pg_class.oid = to_regclass(tablename)
     where schemaname = 'public' and tablename = any ($1) order by indexname`,
    [names],
  );

describe('a rebuild beside the rows that are read', () => {
  it('makes the same rows, swaps them in and back, and keeps both copies up', async () => {
    const many = fc.sample(histories(60), { numRuns: 12, seed: 5 }).flat();
    await bed.append(...many);
    const node = await bed.start();
    await caughtUp(node);
    const before = await definitions(node);
    const own = node.rebuilding;
    await own.rebuilds.request(names);
    for (const name of names) {
      const { rebuild } = await own.until(name, (status) => status.rebuild?.phase === 'ready');
      expect(rebuild?.compared).toMatchObject({ differing: {}, differences: [] });
      expect(rebuild?.compared?.digests.new).toBe(rebuild?.compared?.digests.old);
    }
    await bed.append(posted('later', 1));
    for (const name of names) await own.rebuilds.swap(name);
    expect(await definitions(node)).toEqual(before);
    await bed.append(posted('after the swap', 1));
    await caughtUp(node);
    const folded = foldRows(await sessionEvents(bed.log));
    expect(await storedRows(node.dataSource)).toStrictEqual(folded);
    for (const name of names) {
      expect((await own.rebuilds.verify(name)).differing).toEqual({});
      await own.rebuilds.rollback(name);
    }
    await bed.append(posted('after the rollback', 1));
    await caughtUp(node);
    expect(await storedRows(node.dataSource)).toStrictEqual(foldRows(await sessionEvents(bed.log)));
    expect(await definitions(node)).toEqual(before);
    for (const name of names) await own.rebuilds.dropPrevious(name);
    await expect(own.rebuilds.rollback('sessions')).rejects.toThrow('no previous rows');
    expect(await node.dataSource.query('select name from checkpoints order by 1')).toEqual(
      [...names].sort().map((name) => ({ name })),
    );
  });

  it('stages the events of a log that cannot be read stream by stream', async () => {
    const many = fc.sample(histories(40), { numRuns: 6, seed: 7 }).flat();
    await bed.append(...many);
    const inOneStream = new Proxy(bed.log, {
      get: (log, name) => {
        if (name === 'streams') return undefined;
        const value: unknown = Reflect.get(log, name, log);
        return typeof value === 'function' ? (value.bind(log) as unknown) : value;
      },
    });
    const node = await bed.start({}, inOneStream);
    await caughtUp(node);
    await node.rebuilding.rebuilds.request(names);
    for (const name of names) {
      const { rebuild } = await node.rebuilding.until(
        name,
        (one) => one.rebuild?.phase === 'ready',
      );
      expect(rebuild?.compared).toMatchObject({ differing: {} });
      expect(rebuild?.compared?.rows.new).toBeGreaterThan(0);
    }
    const staged = await node.dataSource.query(
      `select to_regclass('playhead_rebuild.staged_events')`,
    );
    expect(staged).toEqual([{ to_regclass: null }]);
  });

  it('folds a session that is too large for memory row by row, and parks as live does', async () => {
    const many = fc.sample(histories(60), { numRuns: 8, seed: 9 }).flat();
    await bed.append(...many);
    const poisoned = {
      ...messages,
      evolve: (...[row, event]: Parameters<typeof messages.evolve>) => {
        if (event.revision === 7) throw new Error('poison');
        return messages.evolve(row, event);
      },
    };
    const limits = { rebuildSessionBytesMax: 400, rebuildChunkBytes: 300, projectionBatchMax: 5 };
    const node = await bed.start({ limits, projections: [sessions, poisoned] });
    await caughtUp(node);
    await node.rebuilding.rebuilds.request(['sessions', 'messages']);
    for (const name of ['sessions', 'messages']) {
      const { rebuild } = await node.rebuilding.until(
        name,
        (one) => one.rebuild?.phase === 'ready',
      );
      expect(rebuild?.compared).toMatchObject({ differing: {} });
    }
    const parked = await node.dataSource.query<{ projection: string }[]>(
      'select projection, session_id, revision, error from parked order by 1, 2',
    );
    const [live, copies] = ['messages', 'messages@rebuild'].map((name) =>
      parked.filter(({ projection }) => projection === name),
    );
    expect(live?.length).toBeGreaterThan(0);
    expect(copies).toEqual(live?.map((one) => ({ ...one, projection: 'messages@rebuild' })));
  });

  it('is refused when a row was changed by hand, and names it', async () => {
    await bed.append(posted('a', 1), posted('b', 1), posted('c', 1));
    const node = await bed.start();
    await caughtUp(node);
    await node.dataSource.query(`update sessions set name = 'forged' where session_id = $1`, ['b']);
    const own = node.rebuilding;
    await own.rebuilds.request(['sessions']);
    const { rebuild } = await own.until(
      'sessions',
      (status) => status.rebuild?.phase === 'refused',
    );
    expect(rebuild?.error).toBe('rows differ in name');
    expect(rebuild?.compared?.differences).toEqual([
      { session: 'b', key: null, column: 'name', old: 'forged', new: null },
    ]);
    await expect(own.rebuilds.swap('sessions')).rejects.toThrow('rows differ in name');
    await expect(own.rebuilds.swap('sessions', ['prompt'])).rejects.toThrow('differ in name');
    await own.rebuilds.swap('sessions', ['name']);
    const { sessions: rows } = await storedRows(node.dataSource);
    expect(rows[rowKey('b')]?.name).toBeNull();
  });

  it('names rows that are missing and rows that are too many', async () => {
    await bed.append(posted('a', 1), posted('b', 1));
    const node = await bed.start();
    await caughtUp(node);
    await node.dataSource.query(`delete from messages where session_id = $1`, ['a']);
    await node.dataSource.query(
      `insert into messages select (json_populate_record(messages, '{"message_id":"forged"}')).*
       from messages limit 1`,
    );
    const own = node.rebuilding;
    await own.rebuilds.request(['messages']);
    const { rebuild } = await own.until(
      'messages',
      (status) => status.rebuild?.phase === 'refused',
    );
    expect(rebuild?.compared?.differing).toEqual({ '(missing)': 1, '(added)': 1 });
    expect(rebuild?.compared?.differences).toMatchObject([
      { session: 'a', column: '(added)' },
      { session: 'b', key: 'forged', column: '(missing)' },
    ]);
  });

  it('goes by itself when the version is raised, while the old rows are read', async () => {
    await bed.append(posted('a', 1), posted('b', 1));
    const first = await bed.start();
    await caughtUp(first);
    await first.projector.stop();
    const node = await bed.start({ projections: [raised(['extra'])], isRebuilding: true });
    const reads: number[] = [];
    let isReading = true;
    const reading = (async () => {
      for (; isReading; await sleep(2))
        reads.push(await node.dataSource.getRepository(SessionRow).count());
    })();
    await node.rebuilding
      .until('sessions', ({ served }) => served?.version === sessions.version + 1)
      .finally(() => (isReading = false));
    await reading;
    await bed.append(posted('c', 1));
    await caughtUp(node);
    const { sessions: rows } = await storedRows(node.dataSource);
    expect(Object.values(rows).map(({ extra }) => extra)).toEqual(
      Array.from({ length: 3 }, () => ({ raised: true })),
    );
    expect(reads.length).toBeGreaterThan(5);
    expect(new Set(reads)).toEqual(new Set([2]));
  });

  it('is refused when a version changes more than it declares', async () => {
    await bed.append(posted('a', 1));
    const first = await bed.start();
    await caughtUp(first);
    await first.projector.stop();
    const node = await bed.start({ projections: [raised([])], isRebuilding: true });
    const { rebuild, served } = await node.rebuilding.until(
      'sessions',
      (status) => status.rebuild?.phase === 'refused',
    );
    expect(served?.version).toBe(sessions.version);
    expect(rebuild?.error).toBe('rows differ in extra');
    // The rows that are read are kept up all the same.
    await bed.append(posted('b', 1));
    await caughtUp(node);
    expect(Object.keys((await storedRows(node.dataSource)).sessions)).toHaveLength(2);
  });
});

const raised = (changedColumns: readonly string[]): Projection<SessionRow> => ({
  ...sessions,
  version: sessions.version + 1,
  changedColumns,
  evolve: (row, event) => {
    const next = sessions.evolve(row, event);
    return next && { ...next, extra: { raised: true } };
  },
});
