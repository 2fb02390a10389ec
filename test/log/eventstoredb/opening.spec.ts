import { randomUUID } from 'node:crypto';
import { eventTypes } from '@playhead/contract';
import { START } from '../../../src/log/event-log.ts';
import type { ServerEvent } from '../../../src/log/eventstoredb/client.ts';
import { fakeEventStore, type FakeEventStoreLog } from '../../conformance/eventstore-store.ts';
import { serverFault } from '../../support/eventstore/index.ts';
import { anEvent } from '../../support/log-events.ts';

describe('opening a log in EventStoreDB', () => {
  const today = eventTypes['session.started'].v;
  let store: FakeEventStoreLog;

  beforeEach(async () => {
    store = await fakeEventStore();
  });

  const holds = (): unknown[] =>
    (store.server.store.stream('playhead-versions') ?? [])
      .filter(({ type }) => type === 'playhead.version-seen')
      .map(({ data }) => data);

  /** A log to which an event of this kind was appended by another build. */
  async function after(type: string, v: number, expected = -1): Promise<void> {
    const log = await store.open();
    const events = [{ ...anEvent(), type, v }];
    await log.append({ stream: `of ${type} ${v}`, expected, events });
    expect(holds()).toContainEqual({ type, v });
    await log.close();
  }

  it('is refused when events are older than any upcast can lift, by name', async () => {
    store.server.store.append('playhead-versions', [noted('session.started', today - 1)], 'any');
    await expect(store.open()).rejects.toThrow(`session.started ${today - 1}`);
  });

  it('only warns of versions from a newer build and of unknown types', async () => {
    await after('session.started', today);
    await (await store.open()).close();
    expect(store.warnings).toEqual([]);
    await after('session.started', today + 1);
    store.warnings.splice(0);
    await after('something.else', 1);
    store.warnings.splice(0);
    await (await store.open()).close();
    expect(store.warnings).toEqual([
      expect.stringContaining(
        `newer than this build, which pass unread: session.started ${today + 1}`,
      ),
      expect.stringContaining('unknown to this build, which pass unread: something.else 1'),
    ]);
  });

  it('reads a log from before versions were noted first, once, and knows what it holds', async () => {
    const { store: server } = store.server;
    const opened = { type: 'playhead.log-opened', data: { epoch: randomUUID() }, metadata: {} };
    server.append('playhead-log', [stored(opened)], 'no_stream');
    const metadata = (v: number) => ({ v, at: '', actor: 'system', commandId: 'c' });
    for (const v of [1, 1, 2]) {
      const event = stored({ type: 'test.happened', data: {}, metadata: metadata(v) });
      server.append(`a-${v}`, [event], 'any');
    }
    const own = () => server.stream('playhead-versions')?.map(({ type }) => type);
    for (let start = 0; start < 2; start += 1) {
      await (await store.open()).close();
      expect(holds()).toEqual([1, 2].map((v) => ({ type: 'test.happened', v })));
      expect(own()).toHaveLength(3);
      expect(store.warnings).toEqual([
        expect.stringContaining('the whole log is read, once'),
        expect.stringContaining('unknown to this build'),
        ...(start === 1 ? [expect.stringContaining('unknown to this build')] : []),
      ]);
    }
    // Not noted by who wrote it, and so not found: the log was not read again.
    const unnoted = { type: 'test.happened', data: {}, metadata: metadata(3) };
    server.append('a-3', [stored(unnoted)], 'any');
    await (await store.open()).close();
    expect(own()).toHaveLength(3);
  });

  it('is refused by what it finds in such a log', async () => {
    const { store: server } = store.server;
    const opened = { type: 'playhead.log-opened', data: { epoch: randomUUID() }, metadata: {} };
    server.append('playhead-log', [stored(opened)], 'no_stream');
    const metadata = { v: today - 1, at: '', actor: 'system', commandId: 'c' };
    server.append('session-a', [stored({ type: 'session.started', data: {}, metadata })], 'any');
    for (let start = 0; start < 2; start += 1) {
      await expect(store.open()).rejects.toThrow(`session.started ${today - 1} (today's is`);
    }
  });

  it('stores no event of a version that it could not note', async () => {
    const log = await store.open();
    const note = store.server.store.append.bind(store.server.store);
    store.server.store.append = (name, ...rest) => {
      if (name === 'playhead-versions') throw serverFault(undefined, '14 UNAVAILABLE', 14);
      return note(name, ...rest);
    };
    const appending = log.append({ stream: 'a', expected: -1, events: [anEvent()] });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(store.server.store.stream('a')).toBeUndefined();
    store.server.store.append = note;
    expect(await appending).toMatchObject({ revision: 0, repeated: false });
    expect(holds()).toEqual([{ type: 'test.happened', v: 1 }]);
    await log.close();
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

/** An event as it lies on the server. */
const stored = (event: Pick<ServerEvent, 'type' | 'data' | 'metadata'>): ServerEvent => ({
  ...{ id: randomUUID(), contentType: 'application/json', ...event },
});

/** What the adapter writes down of a version. */
const noted = (type: string, v: number): ServerEvent =>
  stored({ type: 'playhead.version-seen', data: { type, v }, metadata: {} });
