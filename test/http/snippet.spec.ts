import fc from 'fast-check';
import { snippetOf } from '../../src/http/search/snippet.ts';

const marked = (text: string, words: string[], isWhole = true): string[] => {
  const { text: piece, highlights } = snippetOf(text, words, { isWhole });
  return highlights.map(([from, length]) => piece.slice(from, from + length));
};

describe('a snippet', () => {
  it('is the piece around the first word, with dots where the text goes on', () => {
    const text = `${'a '.repeat(200)}needle ${'z '.repeat(200)}`;
    const { text: piece, highlights } = snippetOf(text, ['needle'], { isWhole: true });
    expect(piece).toMatch(/^…(a )+needle (z ?)+…$/);
    expect(highlights).toEqual([[61, 6]]);
  });

  it('marks whole words, in upper and lower case, or parts when asked to', () => {
    expect(marked('Cat concat CAT category', ['cat'])).toEqual(['Cat', 'CAT']);
    expect(marked('Cat concat', ['cat'], false)).toEqual(['Cat', 'cat']);
    expect(marked('Öl ölig ÖL', ['öl'])).toEqual(['Öl', 'ÖL']);
  });

  it('takes words for text, never for a pattern', () => {
    expect(marked('a.b axb a+b', ['a.b', 'a+b'])).toEqual(['a.b', 'a+b']);
    expect(marked('^$\\.*+?()[]{}|/-', ['^$\\.*+?()[]{}|/-'], false)).toHaveLength(1);
  });

  it('is well formed and marks only what is there, for any text and words', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 600 });
    const words = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }));
    fc.assert(
      fc.property(text, words, fc.boolean(), (whole, some, isWhole) => {
        const { text: piece, highlights } = snippetOf(whole, some, { isWhole });
        // Half a character cannot be encoded.
        expect(() => encodeURIComponent(piece)).not.toThrow();
        expect(whole).toContain(piece.replace(/^…|…$/g, ''));
        for (const [from, length] of highlights) {
          const mark = piece.slice(from, from + length);
          const isMark = (word: string): boolean =>
            word.toLowerCase() === mark.toLowerCase() || word.toUpperCase() === mark.toUpperCase();
          expect(some.some(isMark)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
