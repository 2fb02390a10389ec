import { eventTypes } from '@playhead/contract';
import { NO_STREAM } from '../../src/log/event-log.ts';
import { anEvent, eventually } from '../support/log-events.ts';
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

  it('only warns of versions from a newer build, and of unknown types not even that', async () => {
    await holds('session.started', today);
    await holds('something.else', 1);
    await (await store.open()).close();
    expect(store.warnings).toEqual([]);
    await holds('session.started', today + 1);
    await (await store.open()).close();
    expect(store.warnings).toHaveLength(1);
    expect(store.warnings[0]).toMatch(/newer than this build/);
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
    await eventually('three versions', async () => (await versions()).length === 3);
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
