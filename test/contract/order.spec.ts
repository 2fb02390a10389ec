import { compareText } from '@playhead/contract';
import fc from 'fast-check';

it('orders text by code point, as Postgres does, and not by UTF-16 unit', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'Z', 'ü', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '🚀', '🚁'),
    maxLength: 4,
  });
  const sign = (number: number): number => Math.sign(number);
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(sign(compareText(a, b))).toBe(sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }),
    { numRuns: 1_000 },
  );
});
