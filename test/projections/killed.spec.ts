import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/index.ts';
import { sessions } from '../../projections/sessions.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { appendAll, foldRows, histories } from '../support/histories.ts';
import {
  eventually,
  openReadModels,
  sessionEvents,
  startNode,
  storedRows,
  watchQueries,
} from '../support/read-models.ts';

let database: TestDatabase;
let observer: DataSource;

beforeAll(async () => {
  database = await freshDatabase();
  observer = await openReadModels(database.url);
});

beforeEach(() => observer.query('truncate sessions, messages, participants, checkpoints, parked'));

afterAll(async () => {
  await observer.destroy();
  await database.drop();
});

/** Fails the nth statement, before or after it is carried out; for good: all later ones, too. */
interface Cut {
  readonly nth: number;
  readonly when: 'before' | 'after';
  readonly forGood: boolean;
}

const cutting = (cut: Cut) => {
  const state = { statements: 0, done: false };
  const prepare = (dataSource: DataSource): void =>
    watchQueries(dataSource, async (_sql, _parameters, run) => {
      if (state.done && cut.forGood) throw new Error('cut');
      if (state.statements++ !== cut.nth) return run();
      state.done = true;
      if (cut.when === 'after') await run();
      throw new Error('cut');
    });
  return { state, prepare };
};

const expectFolds = async (log: EventLog): Promise<void> => {
  expect(await storedRows(observer)).toStrictEqual(foldRows(await sessionEvents(log)));
};

const expectSessions = async (log: EventLog): Promise<void> => {
  const { sessions: rows } = foldRows(await sessionEvents(log));
  expect((await storedRows(observer)).sessions).toStrictEqual(rows);
};

const one = { projections: [sessions], limits: { projectionBatchMax: 6 } };
const [history] = fc.sample(
  histories(30).filter(({ length }) => length > 20),
  {
    numRuns: 1,
    seed: 7,
  },
);

describe('a projection that is cut off', () => {
  it.each([
    ['goes on', 'before', false],
    ['goes on', 'after', false],
    ['is followed by another', 'before', true],
    ['is followed by another', 'after', true],
  ] as const)(
    '%s as if nothing had been, when that is %s any statement',
    async (_then, when, forGood) => {
      const log = openMemoryLog();
      const end = await appendAll(log, history ?? []);
      let cuts = 0;
      for (; ; cuts += 1) {
        await observer.query('truncate sessions, messages, participants, checkpoints, parked');
        const cut = cutting({ nth: cuts, when, forGood });
        const node = await startNode(database.url, log, { ...one, prepare: cut.prepare });
        await eventually(
          () => cut.state.done || node.projector.status().every(({ position }) => position >= end),
        );
        const isOver = !cut.state.done;
        if (forGood) {
          await node.stop();
          const next = await startNode(database.url, log, one);
          expect(await next.projector.waitFor(end, 10_000)).toBe(true);
          await expectSessions(log);
          await next.stop();
        } else {
          expect(await node.projector.waitFor(end, 10_000)).toBe(true);
          await expectSessions(log);
          await node.stop();
        }
        if (isOver) break;
      }
      expect(cuts).toBeGreaterThan(20);
      expect(await observer.query('select * from parked')).toEqual([]);
      await log.close();
    },
    120_000,
  );

  it('neither skips nor repeats while its connections are dropped again and again', async () => {
    const log = openMemoryLog();
    const node = await startNode(database.url, log, { limits: { projectionBatchMax: 7 } });
    const many = fc.sample(histories(60), { numRuns: 25, seed: 3 }).flat();
    let dropped = 0;
    const drop = async (): Promise<void> => {
      // On a busy machine it may not have connected again yet.
      for (let found = 0, tries = 0; found === 0 && tries < 50; tries += 1) {
        const ended = await observer.query<unknown[]>(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid()`,
        );
        found = ended.length;
        if (found === 0) await sleep(5);
        dropped += found;
      }
    };
    for (let from = 0; from < many.length; from += 20) {
      await appendAll(log, many.slice(from, from + 20));
      await drop();
      await sleep(from % 30);
    }
    const end = await log.head();
    expect(await node.projector.waitFor(end, 20_000)).toBe(true);
    await expectFolds(log);
    expect(dropped).toBeGreaterThan(20);
    expect(node.projector.status().map(({ parked }) => parked)).toEqual([0, 0, 0]);
    await node.stop();
    await log.close();
  }, 240_000);

  it('says why and waits, instead of setting sessions aside, while its table is not there', async () => {
    const log = openMemoryLog();
    const node = await startNode(database.url, log);
    const [first, ...rest] = history ?? [];
    await node.projector.waitFor(await appendAll(log, first ? [first] : []), 10_000);
    await observer.query('alter table messages rename to elsewhere');
    const end = await appendAll(log, rest);
    await eventually(() => node.projector.status()[1]?.error !== null);
    expect(node.projector.status()[1]).toMatchObject({ name: 'messages', parked: 0 });
    expect(node.projector.status()[1]?.error).toContain('messages');
    await eventually(() => node.projector.status()[0]?.position === end);
    await sleep(500);
    expect(node.projector.status()[1]?.error).toContain('messages');
    expect(node.notices.filter(({ message }) => message.includes('fails'))).toHaveLength(1);
    await observer.query('alter table elsewhere rename to messages');
    expect(await node.projector.waitFor(end, 10_000)).toBe(true);
    await expectFolds(log);
    expect(node.projector.status()[1]?.error).toBeNull();
    await node.stop();
    await log.close();
  });
});
