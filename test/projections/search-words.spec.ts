import fc from 'fast-check';
import { addText, NO_TEXT } from '../../projections/search/indexed-text.ts';
import { rangesOf, termsOf } from '../../projections/search/query.ts';
import { cellsBetween, cellsOf } from '../../projections/search/time-cells.ts';
import { wordsOf } from '../../projections/search/words.ts';
import { findable } from '../support/findable.ts';

const isFound = (text: string, query: string): boolean => {
  const terms = termsOf(query);
  return terms.length > 0 && terms.every((term) => rangesOf(text, [term]).length > 0);
};

describe('the words of texts and queries', () => {
  it.each(findable)('lets %j be found', (text, ...queries) => {
    expect(queries.filter((query) => !isFound(text, query))).toEqual([]);
  });

  it.each([
    ['party', 'part y', '"par"', 'arty', 'par party'],
    ['src/http/edge.ts', 'src/edge.ts', 'http/ed.ts', '"src edge"'],
    ['桜が咲く', '桜咲', '咲が', '"咲い"'],
    ['getUserById', 'getById', 'serBy'],
    ['1.2.3', '1.3', '2.1'],
    ['', 'a', '"a"'],
  ])('does not let %j be found by what is not in it', (text, ...queries) => {
    expect(queries.filter((query) => isFound(text, query))).toEqual([]);
  });

  it('has no terms in what has no letters', () => {
    for (const query of ['', '  ', '\\', ':*', '""', '" "', "'", '&|!()<->', '\0', '\uD800']) {
      expect(termsOf(query)).toEqual([]);
    }
  });

  it('finds any text by itself and by the beginning of any of its words', () => {
    const word = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
      fc.constantFrom('getUser', 'x_y', '桜が', '0xFF', 'v1', 'Straße', '12ab', 'e\u0301'),
    );
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
        const text = words.join(' ').replaceAll('"', ' ');
        for (const { text: folded, kind } of wordsOf(text)) {
          // Some signs fold to letters that would be cut in another way.
          const again = [...wordsOf(folded)].map((one) => one.text);
          const isSame = kind !== 'pair' && again.length === 1 && again[0] === folded;
          if (isSame) expect(isFound(text, folded)).toBe(true);
        }
        if (termsOf(text).length > 0) expect(isFound(text, text)).toBe(true);
        if (termsOf(`"${text}"`).length > 0) expect(isFound(text, `"${text}"`)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('are the same however a text was cut into pieces', () => {
    const text = fc.array(fc.constantFrom('abc', 'getUser', ' ', '\n', 'x_y', '1.2', 'ü'));
    const lexemes = (words: string): string[] =>
      [...new Set(words.split(' ').filter((one) => one !== ''))].sort();
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), (pieces) => {
        const texts = pieces.map((some) => some.join(''));
        const whole = lexemes(addText(NO_TEXT, texts.join('')).words);
        const grown = texts.reduce(addText, NO_TEXT);
        const inPieces = lexemes(grown.words);
        // A word that was cut leaves its beginning behind; all that the whole has is there.
        expect(whole.filter((one) => !inPieces.includes(one))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('stay within what a row can hold, for any text', () => {
    for (const text of ['ﷺ '.repeat(100_000), '𠀀'.repeat(100_000), 'aB1_'.repeat(100_000)]) {
      const { words, bytes, characters } = addText(NO_TEXT, text);
      expect(bytes).toBeLessThanOrEqual(900_000);
      expect(characters).toBeLessThanOrEqual(100_000);
      expect(Buffer.byteLength(words)).toBeLessThan(3_000_000);
    }
  });
});

describe('cells of time', () => {
  const instant = fc
    .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString());

  it('hold every time between two others, and are few', () => {
    fc.assert(
      fc.property(instant, instant, instant, (one, two, three) => {
        const [from, at, to] = [one, two, three].sort() as [string, string, string];
        const cells = cellsBetween(from, to)?.split(' | ');
        if (!cells) return;
        expect(cells.length).toBeLessThanOrEqual(16);
        expect(
          cellsOf(at)
            .split(' ')
            .some((cell) => cells.includes(cell)),
        ).toBe(true);
      }),
    );
  });

  it('are none for times that are too far from each other', () => {
    expect(cellsBetween('2000-01-01T00:00:00Z', '2026-01-01T00:00:00Z')).toBeUndefined();
    expect(cellsBetween('2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z')?.length).toBeLessThan(40);
  });
});
