import { randomUUID } from 'node:crypto';
import { eventTypes } from '@playhead/contract';
import { START } from '../../../src/log/event-log.ts';
import type { ServerEvent } from '../../../src/log/eventstoredb/client.ts';
import { fakeEventStore, type FakeEventStoreLog } from '../../conformance/eventstore-store.ts';
import { anEvent, eventually } from '../../support/log-events.ts';

describe('opening a log in EventStoreDB', () => {
  const today = eventTypes['session.started'].v;
  let store: FakeEventStoreLog;

  beforeEach(async () => {
    store = await fakeEventStore();
  });

  const holds = (): unknown[] =>
    (store.server.store.stream('playhead-versions') ?? []).map(({ data }) => data);

  /** A log to which an event of this kind was appended by another build. */
  async function after(type: string, v: number, expected = -1): Promise<void> {
    const log = await store.open();
    const events = [{ ...anEvent(), type, v }];
    await log.append({ stream: `of ${type} ${v}`, expected, events });
    await eventually('it is noted', () => JSON.stringify(holds()).includes(`"v":${v}`));
    await log.close();
  }

  it('is refused when events are older than any upcast can lift, by name', async () => {
    store.server.store.append('playhead-versions', [noted('session.started', today - 1)], 'any');
    await expect(store.open()).rejects.toThrow(`session.started ${today - 1}`);
  });

  it('only warns of versions from a newer build, and of unknown types not even that', async () => {
    await after('something.else', 1);
    await (await store.open()).close();
    expect(store.warnings).toEqual([]);
    await after('session.started', today + 1);
    await (await store.open()).close();
    expect(store.warnings).toHaveLength(1);
    expect(store.warnings[0]).toMatch(/newer than this build/);
  });

  it('notes each version once, where no reader of the log sees it', async () => {
    await after('test.happened', 1);
    await after('test.happened', 1, 0);
    await after('test.happened', 2);
    expect(holds()).toEqual([
      { type: 'test.happened', v: 1 },
      { type: 'test.happened', v: 2 },
    ]);
    const log = await store.open();
    const all = await log.readAll({ after: START, limit: 100 });
    expect(all.map(({ stream }) => stream)).toEqual([
      ...['of test.happened 1', 'of test.happened 1', 'of test.happened 2'],
    ]);
    await log.close();
  });
});

/** What the adapter writes down of a version. */
const noted = (type: string, v: number): ServerEvent => ({
  ...{ id: randomUUID(), type: 'playhead.version-seen', contentType: 'application/json' },
  ...{ data: { type, v }, metadata: {} },
});
