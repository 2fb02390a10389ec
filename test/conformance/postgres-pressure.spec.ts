import type pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { NO_STREAM, type EventLog, type NewEvent } from '../../src/log/event-log.ts';
import type { PostgresLogOptions } from '../../src/log/postgres/index.ts';
import { anEvent, codeOf, eventOfBytes, eventsOf, idsOf } from '../support/log-events.ts';
import { appendRaw } from '../support/raw-append.ts';
import { postgresStore, type PostgresStore } from './postgres-store.ts';

describe('a Postgres log under pressure', () => {
  let store: PostgresStore;
  let log: EventLog;
  let other: pg.Client;

  beforeEach(async () => {
    store = await postgresStore();
    other = await store.connect();
  });

  afterEach(async () => {
    await log.close();
    await store.drop();
  });

  /** Opens the log and takes its lock away from it. */
  const openBlocked = async (options: Partial<PostgresLogOptions>): Promise<void> => {
    log = await store.open({ retryPauseMaxMs: 50, ...options });
    await other.query('begin');
    await appendRaw(other, 'foreign');
  };

  const one = (stream: string, event: NewEvent = anEvent()) => ({
    stream,
    expected: NO_STREAM,
    events: [event],
  });

  it('waits for a foreign lock beyond its statement timeout, then appends once', async () => {
    await openBlocked({ statementTimeoutMs: 150 });
    const append = one('session-a');
    const appending = log.append(append);
    await sleep(600);
    await other.query('commit');
    expect(await appending).toMatchObject({ revision: 0, repeated: false });
    await sleep(200);
    expect(idsOf(await eventsOf(log, 'session-a'))).toEqual(idsOf(append.events));
    expect(await log.readAll({ after: '', limit: 10 })).toHaveLength(2);
  });

  it('waits for a locked table in the same way', async () => {
    log = await store.open({ statementTimeoutMs: 150, retryPauseMaxMs: 50 });
    await other.query('begin; lock table events in access exclusive mode');
    const appending = log.append(one('session-a'));
    await sleep(500);
    await other.query('commit');
    expect((await appending).revision).toBe(0);
  });

  it('gives up at the deadline; the same append later has one effect', async () => {
    await openBlocked({ statementTimeoutMs: 200, appendDeadlineMs: 500 });
    const append = one('session-a');
    const waiting = Array.from({ length: 20 }, (_, nth) => codeOf(log.append(one(`w-${nth}`))));
    const start = performance.now();
    expect(await codeOf(log.append(append))).toBe('unavailable');
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['unavailable']));
    expect(performance.now() - start).toBeLessThan(1_500);
    await other.query('commit');
    const answer = await log.append(append);
    expect(answer.revision).toBe(0);
    expect(await eventsOf(log, 'session-a')).toHaveLength(1);
  });

  it('takes no more appends than may wait, and stores those it took', async () => {
    await openBlocked({ appendQueueMax: 5 });
    const taken = Array.from({ length: 5 }, (_, nth) => log.append(one(`taken-${nth}`)));
    expect(await codeOf(log.append(one('refused')))).toBe('overloaded');
    await other.query('commit');
    await Promise.all(taken);
    expect(await eventsOf(log, 'refused')).toEqual([]);
    await log.append(one('room-again'));
  });

  it('takes no more bytes than may wait', async () => {
    await openBlocked({ appendQueueBytesMax: 10_000 });
    const taken = log.append(one('taken', eventOfBytes(8_000)));
    expect(await codeOf(log.append(one('refused', eventOfBytes(3_000))))).toBe('overloaded');
    const small = log.append(one('small', eventOfBytes(1_000)));
    await other.query('commit');
    await Promise.all([taken, small]);
    await log.append(one('room-again', eventOfBytes(10_000)));
  });

  it('is closed while appends wait: they fail, and it does not take long', async () => {
    await openBlocked({});
    const waiting = Array.from({ length: 300 }, (_, nth) => codeOf(log.append(one(`w-${nth}`))));
    await sleep(50);
    const start = performance.now();
    await log.close();
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['unavailable']));
  });

  it('is closed while Postgres does not answer', async () => {
    await openBlocked({});
    await other.query('lock table events in access exclusive mode');
    log.follow('', () => undefined);
    const reading = log.head().catch((fault: { code: string }) => fault.code);
    await sleep(50);
    const closing = log.close();
    await sleep(50);
    await other.query('commit');
    await closing;
    await reading;
  });

  it('fails what Postgres refuses alone: its neighbours are stored', async () => {
    log = await store.open();
    await other.query(`alter table events add check (type <> 'test.refused')`);
    const refused = { ...anEvent(), type: 'test.refused' };
    const streams = ['a', 'b', 'poison', 'c', 'd'];
    const answers = await Promise.allSettled(
      streams.map((stream) =>
        log.append({
          ...one(stream, stream === 'poison' ? refused : anEvent()),
          expected: stream === 'd' ? 'any' : NO_STREAM,
        }),
      ),
    );
    expect(answers.map(({ status }) => status === 'fulfilled')).toEqual([
      ...[true, true, false, true, true],
    ]);
    expect(answers[2]).toMatchObject({ reason: { code: 'invalid' } });
    expect(await log.readAll({ after: '', limit: 10 })).toHaveLength(4);
  });

  it('does not let a busy stream hold up the others', async () => {
    log = await store.open();
    const busy = Array.from({ length: 2_000 }, (_, nth) =>
      log.append({ stream: 'busy', expected: nth - 1, events: [anEvent()] }),
    );
    let isBusyDone = false;
    const all = Promise.allSettled(busy).then(() => (isBusyDone = true));
    await sleep(5);
    await Promise.all(['x', 'y', 'z'].map((stream) => log.append(one(stream))));
    expect(isBusyDone).toBe(false);
    await log.close();
    await all;
  });
});
