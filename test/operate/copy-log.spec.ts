import fc from 'fast-check';
import type { EventLog, NewEvent, RecordedEvent } from '../../src/log/event-log.ts';
import { LogError, NO_STREAM } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/index.ts';
import { copyLog } from '../../src/operate/copy-log.ts';
import { digestLog } from '../../src/operate/log-digest.ts';
import { serverStore, fakeEventStore } from '../conformance/eventstore-store.ts';
import { postgresStore } from '../conformance/postgres-store.ts';
import type { LogStore } from '../conformance/log-under-test.ts';
import { byStream, corpusFiles, eventsIn, parsed } from '../support/corpus.ts';
import { anEvent, eventOfBytes, eventsOf, someEvents } from '../support/log-events.ts';

const options = { readEventsMax: 7, appendBytesMax: 900 * 1024 };

/** Appends each line to a stream of its own, a bit of one and then of another. */
async function fill(log: EventLog, lines: readonly (readonly NewEvent[])[]): Promise<void> {
  const longest = Math.max(0, ...lines.map((line) => line.length));
  for (let nth = 0; nth < longest; nth += 1) {
    for (const [index, line] of lines.entries()) {
      const events = line.slice(nth, nth + 1);
      const stream = `session-${index}`;
      if (events.length > 0) await log.append({ stream, expected: nth - 1, events });
    }
  }
}

/** What events are wherever they lie: all but their position and what it costs to keep them. */
const faithful = (events: readonly object[]): object[] =>
  events.map((event) => ({ ...event, position: '', bytes: 0 }));

async function expectEqual(from: EventLog, to: EventLog): Promise<void> {
  const [source, target] = [await digestLog(from, 100), await digestLog(to, 100)];
  expect({ ...target, through: '' }).toEqual({ ...source, through: '' });
  for (const stream of source.streams.keys()) {
    expect(faithful(await eventsOf(to, stream))).toEqual(faithful(await eventsOf(from, stream)));
  }
}

/** A log that fails some appends, stored or not, as a store does that goes down. */
const failing = (log: EventLog, every: number): EventLog => {
  let nth = 0;
  return {
    epoch: log.epoch,
    read: (stream, page) => log.read(stream, page),
    last: (stream) => log.last(stream),
    readAll: (page) => log.readAll(page),
    head: () => log.head(),
    newest: () => log.newest(),
    follow: (after, handle) => log.follow(after, handle),
    close: () => log.close(),
    async append(append) {
      nth += 1;
      const isLost = nth % every === 0;
      if (!isLost || nth % 2 === 0) await log.append(append);
      if (isLost) throw new LogError('unavailable', 'gone');
      return { revision: 0, position: '', repeated: false };
    },
  };
};

describe('copying a log', () => {
  it('holds the same afterwards, however often it was broken off', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 25 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.integer({ min: 2, max: 6 }), async (counts, every) => {
        const [from, to] = [openMemoryLog(), openMemoryLog()];
        await fill(from, counts.map(someEvents));
        const flaky = failing(to, every);
        let copied: Awaited<ReturnType<typeof copyLog>> | undefined;
        for (let attempt = 0; !copied && attempt < 200; attempt += 1) {
          copied = await copyLog(from, flaky, options).catch((fault: unknown) => {
            expect(fault).toBeInstanceOf(LogError);
            return undefined;
          });
        }
        const events = counts.reduce((sum, count) => sum + count, 0);
        expect(copied).toMatchObject({ events, streams: counts.length, isBehind: false });
        await expectEqual(from, to);
        expect(await copyLog(from, to, options)).toMatchObject({ copied: 0 });
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });

  it('writes nothing to a log that holds something else', async () => {
    const [from, to] = [openMemoryLog(), openMemoryLog()];
    await fill(from, [someEvents(20)]);
    const elsewhere = { stream: 'session-9', expected: NO_STREAM, events: someEvents(1) };
    await to.append(elsewhere);
    await expect(copyLog(from, to, options)).rejects.toThrow('session-9 does not exist');
    const longer = openMemoryLog();
    await fill(longer, [someEvents(21)]);
    await expect(copyLog(from, longer, options)).rejects.toThrow('at revision 19, not 20');
    const other = openMemoryLog();
    await fill(other, [someEvents(3)]);
    const others = await digestLog(other, 100);
    await expect(copyLog(from, other, options)).rejects.toThrow('another event at revision 2');
    expect(await digestLog(other, 100)).toEqual(others);
  });

  it('sees that two logs differ, though they hold as many events', async () => {
    const [from, to] = [openMemoryLog(), openMemoryLog()];
    const events = someEvents(5);
    await fill(from, [events]);
    await fill(to, [events.map((event, nth) => (nth === 2 ? { ...event, data: {} } : event))]);
    await expect(copyLog(from, to, options)).rejects.toThrow('the logs differ');
  });

  it('says that the source has grown meanwhile, and takes the rest when run again', async () => {
    const [from, to] = [openMemoryLog(), openMemoryLog()];
    await fill(from, [someEvents(20)]);
    let isGrown = false;
    const grow = ({ step }: { readonly step: string }): void => {
      if (step !== 'copying' || isGrown) return;
      isGrown = true;
      void from.append({ stream: 'session-0', expected: 19, events: someEvents(3) });
    };
    const first = await copyLog(from, to, { ...options, onProgress: grow });
    expect(first).toMatchObject({ events: 20, isBehind: true });
    expect(await copyLog(from, to, options)).toMatchObject({ copied: 3, isBehind: false });
    await expectEqual(from, to);
  });
});

const asNew = ({ id, type, v, data, meta }: RecordedEvent): NewEvent => ({
  ...{ id, type, v, data, meta },
});

/** Of an old version, which an upcast lifts when it is read. */
const old = byStream(corpusFiles().flatMap(eventsIn));

describe('a log with events of old versions', () => {
  const finished = (v: number, data: object): NewEvent => ({
    ...{ ...anEvent(data, 'b7e0f0a4-93b2-4c6e-8a55-0d6f3f6f1d10'), type: 'tool.finished', v },
  });
  const lifted = finished(2, { callId: 'c', outcome: 'failed', exitCode: 1 });

  it('has the digest of what was stored, not of what it is read as', async () => {
    const [stored, read] = [openMemoryLog(), openMemoryLog()];
    await fill(stored, [[finished(1, { callId: 'c', exitCode: 1 })]]);
    await fill(read, [[lifted]]);
    const [event] = await eventsOf(stored, 'session-0');
    expect(event).toMatchObject({ v: 2, data: lifted.data });
    expect((await digestLog(stored, 9)).digest).not.toBe((await digestLog(read, 9)).digest);
    await expect(copyLog(stored, read, options)).rejects.toThrow('the logs differ');
  });

  it.each([
    ['Postgres', postgresStore],
    ['EventStoreDB (stand-in)', fakeEventStore],
  ])('is copied by way of %s byte for byte', async (_name, between) => {
    const stores = [await postgresStore(), await between(), await postgresStore()] as const;
    const [from, by, to] = await Promise.all(stores.map((store) => store.open()));
    if (!from || !by || !to) throw new Error('three logs');
    for (const [stream, events] of old) {
      await from.append({ stream, expected: NO_STREAM, events: events.map(parsed) });
    }
    await copyLog(from, by, options);
    await copyLog(by, to, options);
    for (const [stream] of old) {
      // Ids make an append the same one, in whatever version its events are sent again.
      const events = (await eventsOf(by, stream)).map(asNew);
      const again = await by.append({ stream, expected: NO_STREAM, events });
      expect(again).toMatchObject({ revision: events.length - 1, repeated: true });
    }
    for (const store of [stores[0], stores[2]]) {
      const client = await store.connect();
      const { rows } = await client.query(
        `select stream, revision, id, type, v, data::text, meta::text from events
         order by stream, revision`,
      );
      expect(rows).toEqual([...old.values()].flat());
      const noted = await client.query('select v from event_versions where type = $1 order by v', [
        'tool.finished',
      ]);
      expect(noted.rows).toEqual([{ v: 1 }, { v: 2 }]);
    }
    await Promise.all([from.close(), by.close(), to.close()]);
    await Promise.all(stores.map((store) => store.drop()));
  });
});

const url = process.env['EVENTSTORE_URL'];

const pairs: readonly (readonly [string, boolean, () => Promise<LogStore>])[] = [
  ['EventStoreDB (stand-in)', true, fakeEventStore],
  ['EventStoreDB', url !== undefined, () => serverStore(url ?? '')],
];

describe.each(pairs)('between Postgres and %s', (_name, isThere, open) => {
  (isThere ? it : it.skip)(
    'moves every value there and back',
    async () => {
      const stores = [await postgresStore(), await open(), await postgresStore()];
      const [from, to, back] = await Promise.all(stores.map((store) => store.open()));
      if (!from || !to || !back) throw new Error('three logs');
      const odd = ['\u0000', '\ud800', '🚀', 1e21, -1e-7, { 2: 'b', 1: 'a' }, null, ['']];
      const meta = { ...anEvent().meta, correlationId: 'c', causationId: 'd', extra: { x: [1] } };
      await fill(from, [
        odd.map((value) => ({ ...anEvent({ value }), meta })),
        [{ ...anEvent(), type: 'from.tomorrow', v: 7 }, ...someEvents(30)],
        // Two of them are more than one append may carry.
        [eventOfBytes(800_000), eventOfBytes(900 * 1024), eventOfBytes(500_000)],
      ]);
      await copyLog(from, to, options);
      await copyLog(to, back, options);
      await expectEqual(from, to);
      await expectEqual(from, back);
      await Promise.all([from.close(), to.close(), back.close()]);
      await Promise.all(stores.map((store) => store.drop()));
    },
    60_000,
  );
});
