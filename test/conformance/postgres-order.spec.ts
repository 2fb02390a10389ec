import { setTimeout as sleep } from 'node:timers/promises';
import { NO_STREAM, START, type EventLog } from '../../src/log/event-log.ts';
import { anEvent, collect, eventually, idsOf, someEvents } from '../support/log-events.ts';
import { appendRaw, appendRawAlone } from '../support/raw-append.ts';
import { postgresStore, type PostgresStore } from './postgres-store.ts';

/** From a commit to the follower, in milliseconds. */
const LAG_MAX = 1_000;

describe('the order of a Postgres log', () => {
  let store: PostgresStore;
  let log: EventLog;

  beforeEach(async () => {
    store = await postgresStore();
    log = await store.open();
  });

  afterEach(async () => {
    await log.close();
    await store.drop();
  });

  /** Follows and notes when each event came. */
  const arrivals = (of: EventLog) => {
    const at = new Map<string, number>();
    const positions: number[] = [];
    const follower = of.follow(START, ({ events }) => {
      for (const { id, position } of events) {
        at.set(id, performance.now());
        positions.push(Number(position));
      }
    });
    return { at, positions, stop: () => follower.stop() };
  };

  it('holds beside transactions that append and commit late; followers miss nothing', async () => {
    const other = await store.open();
    const followers = [arrivals(log), arrivals(other)];
    const stored = new Map<string, number>();
    let isOn = true;
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      for (let revision = NO_STREAM; isOn; revision += 1) {
        const event = anEvent();
        const append = { stream: `w-${writer}`, expected: revision, events: [event] };
        await (writer % 4 ? log : other).append(append);
        stored.set(event.id, performance.now());
      }
    });
    const slow = Array.from({ length: 4 }, async (_, nth) => {
      const client = await store.connect();
      for (let round = 0; isOn; round += 1) {
        await client.query('begin');
        const append = round % 2 === 0 ? appendRaw : appendRawAlone;
        const id = await append(client, `raw-${nth}`);
        await client.query('select pg_sleep($1)', [Math.random() * 0.1]);
        if (round % 4 === 3) {
          await client.query('rollback');
        } else {
          await client.query('commit');
          stored.set(id, performance.now());
        }
        await sleep(Math.random() * 50);
      }
    });
    await sleep(6_000);
    isOn = false;
    await Promise.all([...writers, ...slow]);

    expect(stored.size).toBeGreaterThan(200);
    for (const { at, positions, stop } of followers) {
      await eventually('all events', () => at.size >= stored.size);
      await stop();
      expect([...at.keys()].sort()).toEqual([...stored.keys()].sort());
      expect(positions).toEqual(positions.map((_, nth) => nth + 1));
      const lags = [...stored].map(([id, committed]) => (at.get(id) ?? Infinity) - committed);
      expect(Math.max(...lags)).toBeLessThan(LAG_MAX);
    }
    await other.close();
  });

  it('is followed without being notified: appends of strangers come soon', async () => {
    const { at, stop } = arrivals(log);
    const client = await store.connect();
    for (let nth = 0; nth < 10; nth += 1) {
      const id = await appendRaw(client, 'raw');
      const committed = performance.now();
      await eventually('the event', () => at.has(id), LAG_MAX);
      expect(performance.now() - committed).toBeLessThan(LAG_MAX);
    }
    await stop();
  });

  it('is not held up by transactions that are left open', async () => {
    const [reading, writing] = [await store.connect(), await store.connect()];
    await reading.query('begin isolation level repeatable read; select count(*) from events');
    await writing.query('create table elsewhere (n int); begin; insert into elsewhere values (1)');
    const { at, stop } = arrivals(log);
    const event = anEvent();
    await log.append({ stream: 'a', expected: NO_STREAM, events: [event] });
    await eventually('the event', () => at.has(event.id), LAG_MAX);
    await stop();
  });

  it('has no place for what was rolled back', async () => {
    const client = await store.connect();
    await client.query('begin');
    await appendRaw(client, 'raw');
    await client.query('rollback');
    await log.append({ stream: 'a', expected: NO_STREAM, events: someEvents(2) });
    const all = await log.readAll({ after: START, limit: 10 });
    expect(all.map(({ position }) => Number(position))).toEqual([1, 2]);
  });

  it('is that of a batch, also when what comes first in it conflicts', async () => {
    const client = await store.connect();
    const ids = someEvents(3).map(({ id }) => id);
    const { rows } = await client.query(
      `select lasts, befores from append_events(
         array['a', 'b'], array[7, -1], array[1, 2], $1::uuid[], array_fill('t'::text, array[3]),
         array[1, 1, 1], array_fill('{}'::text, array[3]), array_fill('{}'::text, array[3]))`,
      [ids],
    );
    expect(rows).toEqual([{ lasts: [-1, -1], befores: [null, '0'] }]);
    const { rows: stored } = await client.query(
      'select position, stream, revision, id from events order by position',
    );
    expect(stored).toEqual([
      { position: '1', stream: 'b', revision: 0, id: ids[1] },
      { position: '2', stream: 'b', revision: 1, id: ids[2] },
    ]);
  });

  it.each(['repeatable read', 'serializable'])(
    'is not risked in a %s transaction',
    async (level) => {
      const client = await store.connect();
      await client.query(`begin isolation level ${level}`);
      await expect(appendRaw(client, 'raw')).rejects.toThrow(
        `append_events needs isolation level read committed, not ${level}`,
      );
      await client.query(`rollback; begin isolation level ${level}`);
      const one = `select append_event('raw', -1, gen_random_uuid(), 'test.raw', 1, '{}', '{}')`;
      await expect(client.query(one)).rejects.toThrow(
        `append_event needs isolation level read committed, not ${level}`,
      );
    },
  );

  it('is trusted by nobody: a follower stops at a gap and says so', async () => {
    const events = someEvents(5);
    await log.append({ stream: 'a', expected: NO_STREAM, events });
    const client = await store.connect();
    await client.query('delete from events where position = 3');
    const follower = collect(log, START);
    await eventually('a warning', () => store.warnings.some((text) => text.includes('gap')));
    expect(follower.events).toEqual([]);
    await follower.stop();
  });

  it('is recognised after a cut: a follower takes no events of a log set back', async () => {
    await log.append({ stream: 'a', expected: NO_STREAM, events: someEvents(5) });
    const follower = collect(log, START);
    await follower.holds(5);
    const client = await store.connect();
    await client.query('delete from events where position > 3');
    await store.cut();
    await log.append({ stream: 'b', expected: NO_STREAM, events: someEvents(4) });
    await eventually('a warning', () =>
      store.warnings.some((text) => text.includes('does not hold the event at position 5')),
    );
    expect(idsOf(follower.events)).toHaveLength(5);
    await follower.stop();
  });
});
