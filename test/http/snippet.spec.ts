import fc from 'fast-check';
import { rangesOf, termsOf } from '../../projections/search/query.ts';
import { snippetOf } from '../../src/http/search/snippet.ts';

const marked = (text: string, query: string): string[] => {
  const { text: piece, highlights } = snippetOf(text, termsOf(query));
  return highlights.map(([from, length]) => piece.slice(from, from + length));
};

describe('a snippet', () => {
  it('is the piece around the first word, with dots where the text goes on', () => {
    const text = `${'a '.repeat(200)}needle ${'z '.repeat(200)}`;
    const { text: piece, highlights } = snippetOf(text, termsOf('needle'));
    expect(piece).toMatch(/^…(a )+needle (z ?)+…$/);
    expect(highlights).toEqual([[61, 6]]);
  });

  it('marks whole words, in upper and lower case, and what begins with the last one', () => {
    expect(marked('Cat concat CAT category dog', 'cat dog')).toEqual(['Cat', 'CAT', 'dog']);
    expect(marked('Cat concat CAT category', 'cat')).toEqual(['Cat', 'CAT', 'category']);
    expect(marked('Cat concat CAT category', '"cat"')).toEqual(['Cat', 'CAT']);
    expect(marked('Öl ölig ÖL', '"öl"')).toEqual(['Öl', 'ÖL']);
  });

  it('marks what stands in the text, however it was folded and cut', () => {
    expect(marked('see src/http/edge.ts, please', 'http/edge')).toEqual(['http/edge']);
    expect(marked('call getUserById(userId)', 'getUser')).toEqual(['getUser']);
    expect(marked('call getUserById(userId)', 'getuserb')).toEqual(['getUserById']);
    expect(marked('die Straße', 'STRASSE')).toEqual(['Straße']);
    expect(marked('春が来た。桜が咲いている', '咲いて')).toEqual(['咲いて']);
    expect(marked('春が来た。桜が咲いている', '桜')).toEqual(['桜']);
    expect(marked('cafe\u0301 noir', 'café')).toEqual(['cafe\u0301']);
  });

  it('takes words for text, never for a pattern', () => {
    expect(marked('a.b axb a+b', 'a.b')).toEqual(['a.b', 'a+b']);
    expect(marked('^$\\.*+?()[]{}|/-', '^$\\.*+?()[]{}|/-')).toEqual([]);
  });

  it('is well formed and marks only what is there, for any text and words', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 600 });
    const words = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }));
    fc.assert(
      fc.property(text, words, (whole, some) => {
        const terms = termsOf(some.join(' '));
        const { text: piece, highlights } = snippetOf(whole, terms);
        // Half a character cannot be encoded.
        expect(() => encodeURIComponent(piece)).not.toThrow();
        expect(whole).toContain(piece.replace(/^…|…$/g, ''));
        const ends = highlights.map(([from, length]) => from + length);
        expect(Math.max(0, ...ends)).toBeLessThanOrEqual(piece.length);
        const isThere = rangesOf(whole, terms).length > 0;
        expect(highlights.length > 0).toBe(isThere);
      }),
      { numRuns: 300 },
    );
  });
});
