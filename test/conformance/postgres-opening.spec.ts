import { eventTypes } from '@playhead/contract';
import { NotedVersions0000000000027 } from '../../migrations/0027-noted-versions.ts';
import { NO_STREAM } from '../../src/log/event-log.ts';
import { openDatabase } from '../../src/startup/database.ts';
import { anEvent, eventsOf, eventually } from '../support/log-events.ts';
import { emptyDatabase } from '../support/database.ts';
import { postgresStore, type PostgresStore } from './postgres-store.ts';

describe('opening a Postgres log', () => {
  let store: PostgresStore;

  beforeEach(async () => {
    store = await postgresStore();
  });

  afterEach(() => store.drop());

  const holds = async (type: string, v: number): Promise<void> => {
    const client = await store.connect();
    await client.query('insert into event_versions (type, v) values ($1, $2)', [type, v]);
  };

  const today = eventTypes['session.started'].v;

  it('is refused when events are older than any upcast can lift, by name', async () => {
    await holds('session.started', today - 1);
    await expect(store.open()).rejects.toThrow(`session.started ${today - 1}`);
  });

  it('only warns of versions from a newer build and of unknown types, which pass unread', async () => {
    await holds('session.started', today);
    await (await store.open()).close();
    expect(store.warnings).toEqual([]);
    const log = await store.open();
    const events = [
      { ...anEvent({ any: ['thing'] }), type: 'session.started', v: today + 1 },
      { ...anEvent('not an object'), type: 'something.else', v: 1 },
    ];
    await log.append({ stream: 'a', expected: NO_STREAM, events });
    await log.close();
    const next = await store.open();
    expect(store.warnings).toEqual([
      expect.stringContaining(
        `newer than this build, which pass unread: session.started ${today + 1}`,
      ),
      expect.stringContaining('unknown to this build, which pass unread: something.else 1'),
    ]);
    expect(await eventsOf(next, 'a')).toMatchObject(events);
    await next.close();
  });

  it('knows a version before an event of it is in the log, however slow that is', async () => {
    const log = await store.open();
    const client = await store.connect();
    const count = async (): Promise<number> =>
      (await client.query('select 1 from events')).rows.length;
    const kind = (v: number, expected: number) => ({
      ...{ stream: 'a', expected, events: [{ ...anEvent(), v }] },
    });
    await log.append(kind(1, NO_STREAM));
    const blocker = await store.connect();
    await blocker.query('begin; lock table event_versions');
    await log.append(kind(1, 0));
    const appending = log.append(kind(2, 1));
    await eventually('it waits', async () => {
      const waiting = `select 1 from pg_locks where not granted and relation = $1::regclass`;
      return (await client.query(waiting, ['event_versions'])).rows.length > 0;
    });
    expect(await count()).toBe(2);
    await blocker.query('commit');
    expect(await appending).toMatchObject({ revision: 2, repeated: false });
    expect(await count()).toBe(3);
    await log.close();
  });

  it('knows the versions of a log that was written before they were noted', async () => {
    const log = await store.open();
    await log.append({ stream: 'a', expected: NO_STREAM, events: [anEvent(), anEvent()] });
    await log.append({ stream: 'b', expected: NO_STREAM, events: [{ ...anEvent(), v: 2 }] });
    await log.close();
    const client = await store.connect();
    await client.query('delete from event_versions where v = 1');
    const database = await openDatabase(store.url, { entities: [], migrations: [], poolSize: 1 });
    await new NotedVersions0000000000027().up(database.createQueryRunner());
    await database.destroy();
    const { rows } = await client.query('select type, v from event_versions order by type, v');
    expect(rows).toEqual([1, 2].map((v) => ({ type: 'test.happened', v })));
  });

  it('knows the versions that were ever appended', async () => {
    const log = await store.open();
    const client = await store.connect();
    const versions = async (): Promise<unknown[]> =>
      (await client.query<object>('select type, v from event_versions order by type, v')).rows;
    const events = [anEvent(), { ...anEvent(), v: 2 }, { ...anEvent(), type: 'test.other' }];
    for (const expected of [NO_STREAM, 2, 5]) {
      await log.append({
        stream: 'a',
        expected,
        events: events.map((one) => ({ ...one, id: anEvent().id })),
      });
    }
    expect(await versions()).toEqual([
      { type: 'test.happened', v: 1 },
      { type: 'test.happened', v: 2 },
      { type: 'test.other', v: 1 },
    ]);
    await log.close();
  });

  it('is refused by a database without a log, or that does not answer', async () => {
    const empty = await emptyDatabase();
    await expect(store.open({ connectionString: empty.url })).rejects.toThrow('log_identity');
    await empty.drop();
    await expect(store.open({ connectionString: empty.url })).rejects.toThrow('does not exist');
  });
});
