import { eventTypes, type EventType } from '@playhead/contract';
import { upcast, upcasts, versionRead, type Upcasts } from '../../src/log/upcasts.ts';
import { anEvent } from '../support/log-events.ts';

const registry: Upcasts = {
  'test.happened': {
    1: (data) => ({ ...(data as object), second: 2 }),
    2: (data) => ({ ...(data as object), third: 3 }),
  },
  'test.broken': {
    1: () => {
      throw new Error('not this one');
    },
  },
};

describe('an upcast', () => {
  it('lifts an old event version by version to the newest', () => {
    const old = Object.freeze(anEvent(Object.freeze({ first: 1 })));
    expect(upcast(old, registry)).toEqual({
      ...old,
      v: 3,
      data: { first: 1, second: 2, third: 3 },
      stored: { v: 1, data: { first: 1 } },
    });
    expect(upcast({ ...old, v: 2 }, registry)).toEqual({
      ...old,
      v: 3,
      data: { first: 1, third: 3 },
      stored: { v: 2, data: { first: 1 } },
    });
    expect(old).toMatchObject({ v: 1, data: { first: 1 } });
  });

  it.each([
    ['of today', { ...anEvent(), v: 3 }],
    ['newer than today', { ...anEvent(), v: 9 }],
    ['of an unknown type', { ...anEvent(), type: 'test.unknown' }],
    ['named like a property of every object', { ...anEvent(), type: 'constructor' }],
    ['that the upcast fails at', { ...anEvent(), type: 'test.broken' }],
  ])('leaves an event %s as it is', (_, event) => {
    expect(upcast(event, registry)).toBe(event);
  });

  it('says which version an event is read as', () => {
    expect(versionRead('test.happened', 1, registry)).toBe(3);
    expect(versionRead('test.happened', 7, registry)).toBe(7);
    expect(versionRead('constructor', 1, registry)).toBe(1);
  });

  it('leads from every version in the registry to today', () => {
    for (const [type, lifts] of Object.entries(upcasts)) {
      const today = eventTypes[type as EventType].v;
      for (const v of Object.keys(lifts)) expect(versionRead(type, Number(v))).toBe(today);
    }
  });
});

describe('a message in version 1', () => {
  const message = { messageId: 'm', role: 'user', source: 'user', tokens: 9, content: 'x' };

  it.each<[object, object]>([
    [{}, {}],
    [{ inputTokens: 7 }, { usage: { input: 7 } }],
    [{ outputTokens: 0 }, { usage: { output: 0 } }],
    [{ inputTokens: 7, outputTokens: 2 }, { usage: { input: 7, output: 2 } }],
  ])('with %j is read with %j', (had, has) => {
    for (const type of ['message.posted', 'message.completed']) {
      const data = Object.freeze({ ...message, ...had, extra: { kept: [1] } });
      const old = { ...anEvent(data), type };
      expect(upcast(old)).toEqual({
        ...old,
        v: 2,
        data: { ...message, ...has, extra: { kept: [1] } },
        stored: { v: 1, data },
      });
    }
  });
});

describe('tool.finished 1', () => {
  it.each([
    ['finished', {}],
    ['finished', { exitCode: 0, durationMs: 1.5, extra: { kept: ['as', 'it', 'is'] } }],
    ['failed', { exitCode: 1 }],
    ['failed', { exitCode: -9 }],
    ['failed', { error: '' }],
    ['failed', { exitCode: 0, error: 'no' }],
  ])('is read as %s with %j', (outcome, end) => {
    const data = Object.freeze({ callId: 'c', ...end });
    const old = { ...anEvent(data), type: 'tool.finished' };
    expect(upcast(old)).toEqual({
      ...old,
      v: 2,
      data: { ...data, outcome },
      stored: { v: 1, data },
    });
  });
});
