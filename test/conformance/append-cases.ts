import { NO_STREAM } from '../../src/log/event-log.ts';
import { anEvent, codeOf, eventsOf, failureOf, idsOf, someEvents } from '../support/log-events.ts';
import type { LogUnderTest } from './log-under-test.ts';

export function appendCases({ log, store, itIf }: LogUnderTest): void {
  const stream = 'session-a';

  it('to a stream that does not exist, counting revisions from 0', async () => {
    const answer = await log().append({ stream, expected: NO_STREAM, events: someEvents(3) });
    expect(answer).toMatchObject({ revision: 2, repeated: false });
    const events = await eventsOf(log(), stream);
    expect(events.map(({ revision }) => revision)).toEqual([0, 1, 2]);
    expect(events.at(-1)?.position).toBe(answer.position);
  });

  it('after the exact revision that the stream is at', async () => {
    await log().append({ stream, expected: NO_STREAM, events: someEvents(2) });
    const answer = await log().append({ stream, expected: 1, events: someEvents(2) });
    expect(answer.revision).toBe(3);
  });

  it.each([NO_STREAM, 0, 2, 7])('not when %i is expected of a stream at 1', async (expected) => {
    const stored = someEvents(2);
    await log().append({ stream, expected: NO_STREAM, events: stored });
    expect(await codeOf(log().append({ stream, expected, events: someEvents(1) }))).toBe(
      'conflict',
    );
    expect(idsOf(await eventsOf(log(), stream))).toEqual(idsOf(stored));
  });

  it('not when an event is expected of a stream that does not exist', async () => {
    expect(await codeOf(log().append({ stream, expected: 0, events: someEvents(1) }))).toBe(
      'conflict',
    );
    expect(await log().head()).toBe('');
  });

  it('after whatever is there when any revision will do', async () => {
    for (let nth = 0; nth < 3; nth += 1) {
      const answer = await log().append({ stream, expected: 'any', events: [anEvent()] });
      expect(answer.revision).toBe(nth);
    }
  });

  it('one of many that expect the same revision', async () => {
    const answers = await Promise.allSettled(
      Array.from({ length: 50 }, () =>
        log().append({ stream, expected: NO_STREAM, events: [anEvent()] }),
      ),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await eventsOf(log(), stream)).toHaveLength(1);
  });

  it('the same ids with the same exact revision once, and answers the same', async () => {
    await log().append({ stream, expected: NO_STREAM, events: someEvents(2) });
    const again = { stream, expected: 1, events: someEvents(3) };
    const first = await log().append(again);
    await log().append({ stream, expected: 4, events: someEvents(2) });
    expect(await log().append(again)).toEqual({ ...first, repeated: true });
    expect(await eventsOf(log(), stream)).toHaveLength(7);
  });

  it('the same append sent many times at once, once', async () => {
    const append = { stream, expected: NO_STREAM, events: someEvents(2) };
    const answers = await Promise.all(Array.from({ length: 20 }, () => log().append(append)));
    expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect(new Set(answers.map(({ position }) => position)).size).toBe(1);
    expect(await eventsOf(log(), stream)).toHaveLength(2);
  });

  it('the same ids in another case of letters as the same', async () => {
    const event = anEvent();
    await log().append({ stream, expected: NO_STREAM, events: [event] });
    const shouted = { ...event, id: event.id.toUpperCase() };
    const again = await log().append({ stream, expected: NO_STREAM, events: [shouted] });
    expect(again.repeated).toBe(true);
  });

  it('no part of an append that only overlaps what is there', async () => {
    const [a, b, c, d] = someEvents(4) as [never, never, never, never];
    await log().append({ stream, expected: NO_STREAM, events: [a, b, c] });
    const overlaps = [
      { expected: NO_STREAM, events: [a, d] },
      { expected: NO_STREAM, events: [b, a] },
      { expected: NO_STREAM, events: [a, b, c, d] },
      { expected: 0, events: [a, b] },
      { expected: 1, events: [c, d] },
      { expected: 1, events: [b, c] },
    ];
    for (const overlap of overlaps) {
      expect(await codeOf(log().append({ stream, ...overlap }))).toBe('conflict');
    }
    expect(idsOf(await eventsOf(log(), stream))).toEqual(idsOf([a, b, c]));
  });

  it('what it can of what is asked at once: a conflict leaves its neighbours alone', async () => {
    await log().append({ stream: 'taken', expected: NO_STREAM, events: [anEvent()] });
    const repeated = { stream: 'there', expected: NO_STREAM, events: someEvents(2) };
    await log().append(repeated);
    const streams = ['taken', 'one', 'two', 'there', 'three'];
    const answers = await Promise.allSettled(
      streams.map((name) =>
        log().append(
          name === 'there'
            ? repeated
            : { stream: name, expected: NO_STREAM, events: someEvents(2) },
        ),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    for (const name of ['one', 'two', 'three', 'there']) {
      expect(await eventsOf(log(), name)).toHaveLength(2);
    }
    expect(await log().readAll({ after: '', limit: 100 })).toHaveLength(9);
  });

  it('to one stream in the order asked', async () => {
    const events = someEvents(40);
    const answers = await Promise.all(
      events.map((event, nth) => log().append({ stream, expected: nth - 1, events: [event] })),
    );
    expect(answers.map(({ revision }) => revision)).toEqual(events.map((_, nth) => nth));
    expect(idsOf(await eventsOf(log(), stream))).toEqual(idsOf(events));
  });

  it('an append with more events than fit in a batch whole', async () => {
    const neighbours = Array.from({ length: 10 }, (_, nth) =>
      log().append({ stream: `n-${nth}`, expected: NO_STREAM, events: [anEvent()] }),
    );
    const events = someEvents(1_000);
    await log().append({ stream, expected: NO_STREAM, events });
    await Promise.all(neighbours);
    const stored = await eventsOf(log(), stream);
    expect(idsOf(stored)).toEqual(idsOf(events));
    const all = idsOf(await log().readAll({ after: '', limit: 2_000 }));
    const first = all.indexOf(events[0]?.id ?? '');
    expect(all.slice(first, first + events.length)).toEqual(idsOf(events));
  });

  it('nothing once it is closed, which it may be twice', async () => {
    await log().close();
    await log().close();
    const failure = await failureOf(log().append({ stream, expected: 'any', events: [anEvent()] }));
    expect(failure.code).toBe('unavailable');
  });

  itIf('restart')('and keeps it when opened again, idempotence included', async () => {
    const append = { stream, expected: NO_STREAM, events: someEvents(3) };
    const first = await log().append(append);
    await log().close();
    const again = await store().open();
    expect(again.epoch).toBe(log().epoch);
    expect(await again.head()).toBe(first.position);
    expect(await again.append(append)).toEqual({ ...first, repeated: true });
    expect(idsOf(await eventsOf(again, stream))).toEqual(idsOf(append.events));
    await again.close();
  });

  itIf('twoNodes')('from two nodes at once, one of them at each revision', async () => {
    const other = await store().open();
    const attempt = async (node: typeof other): Promise<number> => {
      let stored = 0;
      for (let revision = -1; revision < 30;) {
        const append = { stream, expected: revision, events: [anEvent()] };
        const code = await node.append(append).then(
          () => 'stored',
          (fault: { code: string }) => fault.code,
        );
        if (code === 'stored') stored += 1;
        else expect(code).toBe('conflict');
        revision = (await node.last(stream))?.revision ?? -1;
      }
      return stored;
    };
    const [here, there] = await Promise.all([attempt(log()), attempt(other)]);
    const events = await eventsOf(log(), stream);
    expect(here + there).toBe(events.length);
    expect(events.map(({ revision }) => revision)).toEqual(events.map((_, nth) => nth));
    await other.close();
  });
}
