import { setTimeout as sleep } from 'node:timers/promises';
import { NO_STREAM, type EventLog } from '../../../src/log/event-log.ts';
import { fakeEventStore, type FakeEventStoreLog } from '../../conformance/eventstore-store.ts';
import { serverFault, type AppendFault } from '../../support/eventstore/index.ts';
import {
  anEvent,
  codeOf,
  eventsOf,
  failureOf,
  idsOf,
  someEvents,
} from '../../support/log-events.ts';

const both = <How extends string>(how: How): [string, How] => [how, how];

const quick = { answerMs: 60, retryPauseMaxMs: 20 };

describe('an append to EventStoreDB', () => {
  const stream = 'session-a';
  let store: FakeEventStoreLog;
  let log: EventLog;

  beforeEach(async () => {
    store = await fakeEventStore();
    log = await store.open(quick);
  });

  afterEach(async () => {
    store.server.start();
    store.server.thaw();
    await log.close();
  });

  const mischiefs: [string, AppendFault][] = [
    ...(['lost', 'answer-lost', 'unanswered', 'stored-unanswered'] as const).map(both),
    ...(['poison', 'no-throw', 'no-position'] as const).map(both),
    ['it fails as when the server is down', serverFault(undefined, '14 UNAVAILABLE', 14)],
    ['it fails as when the server starts', serverFault('unknown', 'Server Is Not Ready')],
    ['it fails as after a deadline', serverFault('deadline-exceeded', '', 4)],
    ['it throws something else', new TypeError('undefined is not iterable')],
  ];

  it.each(mischiefs)(
    'has one effect and its own answer when the client does: %s',
    async (_name, how) => {
      await log.append({ stream, expected: NO_STREAM, events: [anEvent()] });
      for (let nth = 0; nth < 3; nth += 1) {
        store.server.mischief.push(how);
        const events = someEvents(2);
        const answer = await log.append({ stream, expected: nth * 2, events });
        expect(answer).toMatchObject({ revision: nth * 2 + 2, repeated: false });
        expect(await log.head()).toBe(answer.position);
        expect(idsOf((await eventsOf(log, stream)).slice(-2))).toEqual(idsOf(events));
      }
      expect(store.server.mischief).toEqual([]);
      expect(await eventsOf(log, stream)).toHaveLength(7);
    },
  );

  it.each(mischiefs)(
    'conflicts when somebody else was first, whatever happens: %s',
    async (_name, how) => {
      const other = await store.open();
      await other.append({ stream, expected: NO_STREAM, events: someEvents(3) });
      for (const expected of [NO_STREAM, 0, 1]) {
        store.server.mischief.push(how);
        expect(await codeOf(log.append({ stream, expected, events: [anEvent()] }))).toBe(
          'conflict',
        );
      }
      expect(await eventsOf(log, stream)).toHaveLength(3);
      await other.close();
    },
  );

  it('beyond the end of a stream is a conflict, also when the client does not throw', async () => {
    for (const how of ['no-throw', 'answer-lost'] as const) {
      store.server.mischief.push(how);
      expect(await codeOf(log.append({ stream, expected: 4, events: [anEvent()] }))).toBe(
        'conflict',
      );
    }
  });

  it('repeated after its answer was lost to a node that is gone gives the first answer', async () => {
    const append = { stream, expected: NO_STREAM, events: someEvents(2) };
    const first = await log.append(append);
    await log.append({ stream, expected: 1, events: someEvents(1) });
    const other = await store.open(quick);
    for (const how of ['lost', 'answer-lost', 'stored-unanswered'] as const) {
      store.server.mischief.push(how);
      expect(await other.append(append)).toEqual({ ...first, repeated: true });
    }
    await other.close();
  });

  it('for any revision is reported to the caller and never stored twice', async () => {
    for (const how of ['lost', 'answer-lost', 'stored-unanswered'] as const) {
      store.server.mischief.push(how);
      const appending = log.append({ stream: how, expected: 'any', events: [anEvent()] });
      expect(await codeOf(appending)).toBe('unavailable');
    }
    await sleep(100);
    expect(await eventsOf(log, 'lost')).toHaveLength(0);
    expect(await eventsOf(log, 'answer-lost')).toHaveLength(1);
    expect(await eventsOf(log, 'stored-unanswered')).toHaveLength(1);
  });

  it('among many has one effect each, in order, while clients break again and again', async () => {
    const streams = Array.from({ length: 20 }, (_, nth) => `session-${nth}`);
    const sent = new Map(streams.map((name) => [name, someEvents(10)]));
    let answered = 0;
    const appending = streams.flatMap((name) =>
      (sent.get(name) ?? []).map(async (event, nth) => {
        const append = { stream: name, expected: nth - 1, events: [event] };
        const answer = await log.append(append);
        expect(answer).toMatchObject({ revision: nth, repeated: false });
        answered += 1;
        if (answered % 40 === 0) store.server.mischief.push('poison');
        else if (answered % 9 === 0) store.server.mischief.push(mischiefs[answered % 4]![1]);
      }),
    );
    await Promise.all(appending);
    expect(store.server.clients.length).toBeGreaterThan(3);
    for (const name of streams) {
      expect(idsOf(await eventsOf(log, name))).toEqual(idsOf(sent.get(name) ?? []));
    }
  });

  it('that the server does not take is refused at once, and nothing is tried again', async () => {
    const [client] = store.server.clients;
    for (const [type, code] of [
      ['maximum-append-size-exceeded', 'too-large'],
      ['stream-deleted', 'deleted'],
    ] as const) {
      const before = client?.appends ?? 0;
      store.server.mischief.push(serverFault(type));
      const failure = await failureOf(
        log.append({ stream, expected: NO_STREAM, events: [anEvent()] }),
      );
      expect([failure.code, (client?.appends ?? 0) - before]).toEqual([code, 1]);
    }
  });

  it('never shows the client what would break it', async () => {
    const [client] = store.server.clients;
    const before = client?.appends;
    const event = anEvent();
    for (const wrong of [
      { ...event, id: 'x' },
      { ...event, type: '' },
      { ...event, data: undefined },
      { ...event, data: 1n },
      { ...event, meta: { ...event.meta, v: 1 } },
    ]) {
      const append = { stream, expected: NO_STREAM, events: [wrong] };
      expect(await codeOf(log.append(append))).toBe('invalid');
    }
    for (const name of ['', '$all', 'playhead-log']) {
      const append = { stream: name, expected: NO_STREAM, events: [event] };
      expect(await codeOf(log.append(append))).toBe('invalid');
    }
    expect([client?.appends, client?.isPoisoned]).toEqual([before, false]);
  });

  it('is given up after a deadline while the server hangs, and has its effect once after', async () => {
    const hasty = await store.open({ ...quick, appendDeadlineMs: 300 });
    const append = { stream, expected: NO_STREAM, events: [anEvent()] };
    store.server.freeze();
    const start = performance.now();
    expect(await codeOf(hasty.append(append))).toBe('unavailable');
    expect(performance.now() - start).toBeLessThan(1_500);
    store.server.thaw();
    const { revision } = await hasty.append(append);
    expect([revision, (await eventsOf(log, stream)).length]).toEqual([0, 1]);
    await hasty.close();
  });

  it('waits for a server that is down, and is answered when it is back', async () => {
    store.server.stop();
    const append = { stream, expected: NO_STREAM, events: someEvents(3) };
    const appending = log.append(append);
    await sleep(200);
    store.server.start();
    expect(await appending).toMatchObject({ revision: 2, repeated: false });
  });

  it('is refused when too many wait', async () => {
    const narrow = await store.open({ ...quick, appendQueueMax: 3, appendDeadlineMs: 200 });
    store.server.freeze();
    const answers = Array.from({ length: 5 }, (_, nth) =>
      codeOf(narrow.append({ stream: `s-${nth}`, expected: NO_STREAM, events: [anEvent()] })),
    );
    expect(await Promise.all(answers)).toEqual([
      ...['unavailable', 'unavailable', 'unavailable'],
      ...['overloaded', 'overloaded'],
    ]);
    await narrow.close();
  });
});
