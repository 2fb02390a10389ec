import fc from 'fast-check';
import { cleanse, comparableInstant, DEPTH_MAX, id, instant, TooDeep } from '@playhead/contract';

describe('cleansing', () => {
  it('replaces NUL and lone surrogates, in values and keys, and counts them', () => {
    const dirty = { 'a\0': ['x\uD800y', '\uDC00\uD800', { b: 'fine 😀' }], n: 1, z: null };
    expect(cleanse(dirty)).toEqual({
      value: { 'a\uFFFD': ['x\uFFFDy', '\uFFFD\uFFFD', { b: 'fine 😀' }], n: 1, z: null },
      replaced: 4,
    });
  });

  it('leaves well-formed JSON exactly as it is, and makes any JSON well-formed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const { value, replaced } = cleanse(json);
        expect(value).toEqual(json);
        expect(replaced).toBe(0);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
        const { value } = cleanse(String.fromCharCode(...units));
        expect(() => encodeURIComponent(value)).not.toThrow();
        expect(value).not.toContain('\0');
      }),
    );
  });

  it('refuses to walk what nests too deep', () => {
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    expect(() => cleanse(nested(DEPTH_MAX))).not.toThrow();
    expect(() => cleanse(nested(DEPTH_MAX + 1))).toThrow(TooDeep);
    expect(() => cleanse(nested(100_000))).toThrow(TooDeep);
    expect(() => cleanse(['\0', nested(100_000)])).toThrow(TooDeep);
  });

  it('keeps a key named __proto__ as data', () => {
    const { value } = cleanse(JSON.parse('{"__proto__":{"admin":true}}') as object);
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect((value as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe('instants', () => {
  it('compare as strings, to the nanosecond and across offsets', () => {
    const inOrder = [
      '2025-10-21T11:00:05.123456-07:00',
      '2025-10-21T18:00:05.1234561Z',
      '2026-01-09T18:00:00Z',
      '2026-01-09T18:00:00.000000001Z',
      '2026-01-09T18:00:00.1Z',
      '2026-01-10T00:00:01+05:30',
    ];
    const comparable = inOrder.map(comparableInstant);
    expect(comparable[0]).toBe('2025-10-21T18:00:05.123456000Z');
    expect(comparable.every((text) => text.length === 30)).toBe(true);
    expect([...comparable].sort()).toEqual(comparable);
    expect(new Set(comparable).size).toBe(inOrder.length);
  });

  it('agree with Date on every millisecond', () => {
    const dates = fc.date({
      min: new Date('0001-01-02'),
      max: new Date('9999-12-30'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, (date) => {
        const text = date.toISOString();
        expect(instant.safeParse(text).success).toBe(true);
        expect(comparableInstant(text)).toBe(text.replace('Z', '000000Z'));
      }),
    );
  });

  it('are what Date makes of them, on any day, in any zone, with any fraction', () => {
    const two = (max: number) => fc.nat(max).map((n) => String(n).padStart(2, '0'));
    const texts = fc
      .tuple(
        fc.nat(9_999).map((year) => String(year).padStart(4, '0')),
        ...[two(13), two(32), two(24), two(60), two(60)],
        fc.constantFrom('', '.5', '.123456789', '.1234567890123'),
        fc.constantFrom('Z', '+05:30', '-11:00', 'z', ''),
      )
      .map(([y, mo, d, h, mi, s, fraction, zone]) => {
        return [`${y}-${mo}-${d}T${h}:${mi}:${s}`, fraction, zone] as const;
      });
    fc.assert(
      fc.property(texts, ([seconds, fraction, zone]) => {
        const at = zone && zone !== 'z' ? Date.parse(`${seconds}${zone}`) : NaN;
        const utc = Number.isNaN(at) ? '' : new Date(at).toISOString();
        const digits = fraction.slice(1, 10).padEnd(9, '0');
        expect(comparableInstant(`${seconds}${fraction}${zone}`)).toBe(
          utc.length === 24 ? `${utc.slice(0, 19)}.${digits}Z` : comparableInstant('none'),
        );
      }),
      { numRuns: 5_000 },
    );
  });

  it.each(['yesterday', '2026-13-01T00:00:00Z', '2026-01-01', '', '9999-12-31T23:59:59-07:00'])(
    'refuse %j',
    (text) => {
      expect(instant.safeParse(text).success).toBe(false);
    },
  );
});

describe('ids', () => {
  it.each(['conv_test123', '5a038330-fb2a-4067-9696-cd472c15efd5', 'Ünï code 名', 'a'])(
    'may be %j',
    (text) => {
      expect(id.safeParse(text).success).toBe(true);
    },
  );

  it.each(['', '   ', 'a\nb', 'a\0', '\uD800', 'x'.repeat(201)])('may not be %j', (text) => {
    expect(id.safeParse(text).success).toBe(false);
  });
});
