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
    });
    expect(upcast({ ...old, v: 2 }, registry)).toEqual({
      ...old,
      v: 3,
      data: { first: 1, third: 3 },
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

  it('leads from every version in the registry to the next', () => {
    for (const [type, lifts] of Object.entries(upcasts)) {
      const versions = Object.keys(lifts).map(Number);
      const newest = Math.max(...versions) + 1;
      for (const v of versions) expect(versionRead(type, v)).toBe(newest);
    }
  });
});
