import { NO_STREAM, type NewEvent } from '../../src/log/event-log.ts';
import { anEvent, codeOf, eventOfBytes, eventsOf, failureOf } from '../support/log-events.ts';
import type { LogUnderTest } from './log-under-test.ts';

const APPEND_BYTES_MAX = 900 * 1024;

export function valueCases({ log }: LogUnderTest): void {
  const stream = 'session-a';

  const kept = async (events: readonly NewEvent[]): Promise<unknown[]> => {
    await log().append({ stream, expected: 'any', events });
    const stored = await eventsOf(log(), stream);
    return stored.slice(-events.length).map(({ data }) => data);
  };

  it('exactly as they came', async () => {
    const values = [
      ...[null, true, 0, -1.5, 1e308, 5e-324, Number.MAX_SAFE_INTEGER, '', 'text', [], {}],
      { text: 'line\nbreak\ttab "quotes" \\ back \u2028 \u0001 😀 é e\u0301' },
      { sql: `'); drop table events; --`, list: '{NULL,"a"}', nul: null },
      JSON.parse('{"__proto__":{"a":1},"constructor":2,"toString":3,"":4}'),
      { deep: [[[[{ a: [1, [2, [3]]] }]]]] },
    ];
    expect(await kept(values.map((value) => anEvent(value)))).toEqual(values);
  });

  it('of each field of an event, and counts their bytes', async () => {
    const event: NewEvent = {
      id: '0B9E5E2C-6F4F-4C5D-9B0A-6E1F0F6C2A11',
      type: 'unknown.kind_of-Event2',
      v: 17,
      data: { text: 'ü€😀' },
      meta: { at: 'a', actor: 'b', commandId: 'c', occurredAt: 'd', replaced: 2 },
    };
    await log().append({ stream: 'agent-a b/ü,{}"\\', expected: NO_STREAM, events: [event] });
    expect(await log().last('agent-a b/ü,{}"\\')).toEqual({
      ...event,
      id: event.id.toLowerCase(),
      stream: 'agent-a b/ü,{}"\\',
      revision: 0,
      position: await log().head(),
      bytes: Buffer.byteLength(JSON.stringify(event.data) + JSON.stringify(event.meta)),
    });
  });

  it('that no text of a database can hold, and refuses 1e400, beside untouched neighbours', async () => {
    const strange = { nul: 'a\0b', high: '\ud800', low: 'x\udc00y', '\0key\udfff': 1 };
    const tooLargeNumber: unknown = JSON.parse('{"list":[1,{"n":1e400}]}');
    const appends = [{ text: 'before' }, strange, tooLargeNumber, { text: 'after' }];
    const answers = await Promise.allSettled(
      appends.map((data, nth) =>
        log().append({ stream: `s-${nth}`, expected: NO_STREAM, events: [anEvent(data)] }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(answers[2]).toMatchObject({
      reason: { code: 'invalid', field: 'events.0.data.list.1.n' },
    });
    for (const nth of [0, 1, 3]) {
      expect((await log().last(`s-${nth}`))?.data).toEqual(appends[nth]);
    }
    const all = await log().readAll({ after: '', limit: 10 });
    expect(all.map(({ data }) => data)).toEqual([appends[0], appends[1], appends[3]]);
  });

  it('of 900 KiB in one append and not one byte more', async () => {
    const half = APPEND_BYTES_MAX / 2;
    const fits = [eventOfBytes(half), eventOfBytes(half)];
    await log().append({ stream, expected: NO_STREAM, events: fits });
    const tooLarge = [eventOfBytes(half), eventOfBytes(half + 1)];
    const failure = await failureOf(log().append({ stream, expected: 1, events: tooLarge }));
    expect(failure.code).toBe('too-large');
    const stored = await eventsOf(log(), stream);
    expect(stored.map(({ bytes }) => bytes)).toEqual([half, half]);
    expect(stored.map(({ data }) => data)).toEqual(fits.map(({ data }) => data));
  });

  it('by their size in UTF-8, not in characters', async () => {
    const event = anEvent({ text: '€'.repeat(APPEND_BYTES_MAX / 3) });
    expect(await codeOf(log().append({ stream, expected: 'any', events: [event] }))).toBe(
      'too-large',
    );
  });

  it('of no append that holds what no store can, and names the field', async () => {
    const event = anEvent();
    const one = { stream, expected: NO_STREAM, events: [event] };
    const wrong = [
      ['stream', { ...one, stream: '' }],
      ['stream', { ...one, stream: 'a\nb' }],
      ['stream', { ...one, stream: 'a\0b' }],
      ['stream', { ...one, stream: 'a\ud800' }],
      ['stream', { ...one, stream: 'x'.repeat(257) }],
      ['expected', { ...one, expected: -2 }],
      ['expected', { ...one, expected: 0.5 }],
      ['expected', { ...one, expected: 2 ** 31 }],
      ['events', { ...one, events: [] }],
      ['events.0.id', { ...one, events: [{ ...event, id: 'x' }] }],
      ['events.1.type', { ...one, events: [event, { ...event, type: '' }] }],
      ['events.0.type', { ...one, events: [{ ...event, type: 'a b' }] }],
      ['events.0.v', { ...one, events: [{ ...event, v: 0 }] }],
      ['events.0.data', { ...one, events: [{ ...event, data: undefined }] }],
      ['events.0.meta.at', { ...one, events: [{ ...event, meta: { ...event.meta, at: 1n } }] }],
    ] as const;
    for (const [field, append] of wrong) {
      const failure = await failureOf(log().append(append as typeof one));
      expect(failure).toMatchObject({ code: 'invalid', field });
    }
    expect(await log().head()).toBe('');
  });
}
