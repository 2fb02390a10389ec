import fc from 'fast-check';
import { LogError } from '../../src/log/event-log.ts';
import { DEPTH_MAX, losslessJson } from '../../src/log/lossless-json.ts';

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
};

const circle: Record<string, unknown> = {};
circle.self = { again: circle };

class Money {
  amount = 1;
}

const faultOf = (write: () => string): unknown => {
  try {
    return write();
  } catch (fault) {
    return fault;
  }
};

describe('JSON that is faithful', () => {
  it.each([
    ['undefined in an object', { a: { b: undefined } }, 'data.a.b'],
    ['undefined in a list', { a: [1, undefined] }, 'data.a.1'],
    ['a hole in a list', { a: Array(2) }, 'data.a.0'],
    ['undefined as the whole', undefined, 'data'],
    ['a bigint', { n: 1n }, 'data.n'],
    ['a function', { f: () => 1 }, 'data.f'],
    ['an own toJSON', { a: { toJSON: () => 1 } }, 'data.a.toJSON'],
    ['a symbol', [Symbol('x')], 'data.0'],
    ['NaN', { n: NaN }, 'data.n'],
    ['infinity', { n: [-Infinity] }, 'data.n.0'],
    ['a number too large for JavaScript', JSON.parse('{"n":1e400}'), 'data.n'],
    ['a date', { at: new Date(0) }, 'data.at'],
    ['a map', { m: new Map() }, 'data.m'],
    ['an instance of a class', { m: new Money() }, 'data.m'],
    ['a boxed text', { m: Object('x') as unknown }, 'data.m'],
  ])('refuses %s by its path', (_, value: unknown, field) => {
    const write = () => losslessJson(value, 'data');
    expect(faultOf(write)).toMatchObject({ code: 'invalid', field });
  });

  it('refuses what holds itself', () => {
    expect(() => losslessJson(circle, 'data')).toThrow(/nested deeper than 200, or within itself/);
  });

  it('nests as deep as it says and no deeper', () => {
    expect(JSON.parse(losslessJson(nested(DEPTH_MAX), 'data'))).toEqual(nested(DEPTH_MAX));
    expect(() => losslessJson(nested(DEPTH_MAX + 1), 'data')).toThrow(LogError);
  });

  it('takes objects without a prototype', () => {
    expect(losslessJson(Object.assign(Object.create(null), { a: 1 }), 'data')).toBe('{"a":1}');
  });

  it('reads back as the same value, in one line, for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const json = losslessJson(value, 'data');
        expect(json).not.toMatch(/[\n\r]/);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
