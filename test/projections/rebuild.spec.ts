import type { DataSource } from 'typeorm';
import { openMemoryLog } from '../../src/log/memory/index.ts';
import type { Projection } from '../../src/projecting/projection.ts';
import { sessions, type SessionRow } from '../../projections/sessions.ts';
import { appendAll, foldRows, posted, rowKey } from '../support/histories.ts';
import {
  eventually,
  readModelFixture,
  sessionEvents,
  storedRows,
  type Node,
} from '../support/read-models.ts';

const bed = readModelFixture();

/** Marks all rows, so that one that was not rebuilt can be seen. */
const mark = async (dataSource: DataSource): Promise<void> => {
  await dataSource.query(`update sessions set name = 'marked'`);
  await dataSource.query(`update messages set content = 'marked'`);
};

const isMarked = async (
  dataSource: DataSource,
): Promise<{ sessions: boolean; messages: boolean }> => {
  const { sessions, messages } = await storedRows(dataSource);
  return {
    sessions: Object.values(sessions).some(({ name }) => name === 'marked'),
    messages: Object.values(messages).some(({ content }) => content === 'marked'),
  };
};

const caughtUp = async (node: Node, log = bed.log): Promise<void> => {
  expect(await node.projector.waitFor(await log.head(), 10_000)).toBe(true);
};

/** A node that has taken some events, stopped. */
async function projected(): Promise<Node> {
  await bed.append(posted('a', 1), posted('b', 1), posted('a', 2));
  const node = await bed.start();
  await caughtUp(node);
  await node.projector.stop();
  await mark(node.dataSource);
  return node;
}

const raised = (version: number): Projection<SessionRow> => ({
  ...sessions,
  version,
  evolve: (row, event) => {
    const next = sessions.evolve(row, event);
    return next && { ...next, extra: { version } };
  },
});

describe('a read model at the start of a node', () => {
  it('goes on where it was when version, log and event are the same', async () => {
    await projected();
    const node = await bed.start();
    await bed.append(posted('c', 1));
    await caughtUp(node);
    expect(await isMarked(node.dataSource)).toEqual({ sessions: true, messages: true });
    expect(node.notices).toEqual([]);
  });

  it('is rebuilt when its version changed, up or down, and only then', async () => {
    await projected();
    for (const version of [sessions.version + 1, sessions.version]) {
      const node = await bed.start({ projections: [raised(version)] });
      await caughtUp(node);
      await eventually(async () => !(await isMarked(node.dataSource)).sessions);
      const { sessions: rows } = await storedRows(node.dataSource);
      expect(rows[rowKey('a')]).toMatchObject({ revision: 1, extra: { version } });
      expect(await isMarked(node.dataSource)).toEqual({ sessions: false, messages: true });
      await node.projector.stop();
      await mark(node.dataSource);
    }
  });

  it.each([
    ['has another id', `update checkpoints set event_id = gen_random_uuid()`],
    ['lies elsewhere', `update checkpoints set position = '0000000000000001'`],
    ['is beyond the head', `update checkpoints set position = '0000000000000009', revision = 7`],
    ['is of a session that is gone', `update checkpoints set stream = 'session-gone'`],
  ])('is rebuilt when the event of its checkpoint %s', async (_what, tamper) => {
    const { dataSource } = await projected();
    await dataSource.query(`${tamper} where name = 'messages'`);
    const end = await bed.log.head();
    const node = await bed.start();
    await eventually(async () => !(await isMarked(dataSource)).messages);
    await eventually(() => node.projector.status()[1]?.position === end);
    expect(await isMarked(dataSource)).toEqual({ sessions: true, messages: false });
    const { messages } = foldRows(await sessionEvents(bed.log));
    expect((await storedRows(dataSource)).messages).toStrictEqual(messages);
    expect(node.notices).toMatchObject([
      { message: 'read model is rebuilt', about: { projection: 'messages' } },
    ]);
  });

  it('is rebuilt on another log, and forgets what it had parked', async () => {
    const { dataSource } = await projected();
    await dataSource.query(`insert into parked values ('sessions', 'a', 0, 'id', 'error')`);
    const other = openMemoryLog();
    await appendAll(other, [posted('z', 1)]);
    const node = await bed.start({}, other);
    await eventually(async () => !(await isMarked(dataSource)).sessions);
    await caughtUp(node, other);
    expect(await storedRows(dataSource)).toStrictEqual(foldRows(await sessionEvents(other)));
    expect(await dataSource.query('select * from parked')).toEqual([]);
    expect(node.projector.status()[0]?.parked).toBe(0);
  });
});

describe('nodes of two versions on one database', () => {
  const versionOf = async ({ rebuilding }: Node): Promise<[number?, number?]> => {
    const [status] = await rebuilding.rebuilds.status();
    return [status?.served?.version, status?.previous?.version];
  };

  it('each keep up a copy of their own, and a rollback gives the old one back', async () => {
    await bed.append(posted('a', 1));
    const old = await bed.start({ projections: [raised(1)], isRebuilding: true });
    await caughtUp(old);
    const changed = { ...raised(2), changedColumns: ['extra'] };
    const newer = await bed.start({ projections: [changed], isRebuilding: true });
    await newer.rebuilding.until('sessions', ({ served }) => served?.version === 2);
    for (let nth = 2; nth < 30; nth += 1) await bed.append(posted('a', nth));
    await caughtUp(newer);
    expect(await versionOf(newer)).toEqual([2, 1]);
    const { sessions: rows } = await storedRows(newer.dataSource);
    expect(rows[rowKey('a')]).toMatchObject({ revision: 28, extra: { version: 2 } });
    const mixed = newer.notices
      .concat(old.notices)
      .filter(({ message }) => /kept up/.test(message));
    expect(mixed).toEqual([]);

    await newer.projector.stop();
    await old.rebuilding.rebuilds.rollback('sessions');
    await bed.append(posted('a', 30));
    await eventually(async () => {
      const row = (await storedRows(old.dataSource)).sessions[rowKey('a')];
      return row?.revision === 29 && row.extra.version === 1;
    });
    expect(await versionOf(old)).toEqual([1, 2]);
  });

  it('keep up rows that nobody else keeps up, and say that these are mixed', async () => {
    await bed.append(posted('a', 1));
    const old = await bed.start({ projections: [raised(1)], isRebuilding: true });
    await caughtUp(old);
    const newer = await bed.start({ projections: [raised(2)], isRebuilding: true });
    await newer.rebuilding.until('sessions', ({ rebuild }) => rebuild?.phase === 'refused');
    await old.projector.stop();
    await bed.append(posted('a', 2));
    await caughtUp(newer);
    const { sessions: rows } = await storedRows(newer.dataSource);
    expect(rows[rowKey('a')]).toMatchObject({ revision: 1, extra: { version: 2 } });
    const [status] = await newer.rebuilding.rebuilds.status();
    expect(status?.served).toMatchObject({ version: 1, mixed: true });
  });
});
