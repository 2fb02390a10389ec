/**
 * A word of a text, the same for what is stored and for what is asked, made without a dictionary:
 * letters and digits in a row, folded. Identifiers and numbers are cut into their parts
 * (`getUserById`: get, user, by, id) and kept as a whole beside them (getuserbyid). Text in scripts
 * without spaces between words is cut into pairs of characters.
 */
export interface Word {
  /** Folded: lower case, without accents. */
  readonly text: string;
  /** Counts the parts of the text from 0; a whole stands where its last part does. */
  readonly position: number;
  /** Where it stands in the text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** A whole stands beside its parts; the tail is the last character of unspaced text alone. */
  readonly kind: 'part' | 'whole' | 'pair' | 'tail';
}

/** Letters of scripts that are written without spaces, or that glue small words to others. */
const UNSPACED =
  '(?:(?=[\\p{L}\\p{M}])[\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Hang}\\p{scx=Thai}' +
  '\\p{scx=Laoo}\\p{scx=Khmr}\\p{scx=Mymr}\\p{scx=Tibt}])';

const LETTERS = '[\\p{L}\\p{M}\\p{N}]';
/** One identifier: its pieces may be joined by hyphens and underscores. Or one symbol. */
const IDENTIFIER = new RegExp(`${LETTERS}+(?:[-_]+${LETTERS}+)*|\\p{So}`, 'gu');
const PIECE = new RegExp(`${UNSPACED}+|(?:(?!${UNSPACED})[^-_])+`, 'gu');
const IS_UNSPACED = new RegExp(`^${UNSPACED}`, 'u');
/** By changes of case and between letters and digits; the prefix of a hexadecimal number is cut. */
const PART = new RegExp(
  '^0[xX](?=[0-9a-fA-F]+$)|(?<=^0[xX])[0-9a-fA-F]+$|\\p{N}+' +
    '|(?:\\p{Lu}\\p{M}*)+(?![\\p{Ll}\\p{M}])|(?:\\p{Lu}\\p{M}*)?[^\\p{Lu}\\p{N}]+|\\p{Lu}\\p{M}*',
  'gu',
);
/** Letters and digits change more often than in `v1` or `utf8`: a hash, which has no parts. */
const IS_HASH = /^(?!0x)(?=.*(?:\p{L}\p{N}+\p{L}|\p{N}\p{L}+\p{N}))/iu;

/** An identifier of one part, in which nothing but upper case is to be folded. */
const PLAIN = /^(?:[A-Za-z]?[a-z]*|[A-Z]+|[0-9]+)$/;

/** Characters of a word that count. */
const WORD_MAX = 64;

/** The words of a text in their order. */
export function* wordsOf(text: string): Generator<Word> {
  let position = 0;
  for (const { 0: identifier, index } of text.matchAll(IDENTIFIER)) {
    // Most identifiers have one part, and need no more than this.
    if (PLAIN.test(identifier)) {
      const end = index + identifier.length;
      yield { text: cut(identifier.toLowerCase()), position, start: index, end, kind: 'part' };
      position += 1;
      continue;
    }
    const parts = partsOf(identifier, index);
    const first = position;
    for (const { start, end } of parts) {
      const piece = text.slice(start, end);
      if (IS_UNSPACED.test(piece)) {
        for (const word of pairsOf(piece, start, position)) {
          yield word;
          position = word.position + 1;
        }
        continue;
      }
      const folded = fold(piece);
      if (folded === '') continue;
      yield { text: folded, position, start, end, kind: 'part' };
      position += 1;
    }
    if (position - first > 1 && parts.length > 1 && !parts.some(({ isUnspaced }) => isUnspaced)) {
      const whole = fold(identifier.replace(/[-_]/g, ''));
      const end = index + identifier.length;
      yield { text: whole, position: position - 1, start: index, end, kind: 'whole' };
    }
  }
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly isUnspaced: boolean;
}

function partsOf(identifier: string, at: number): Part[] {
  return [...identifier.matchAll(PIECE)].flatMap(({ 0: piece, index }): Part[] => {
    const start = at + index;
    const isUnspaced = IS_UNSPACED.test(piece);
    if (isUnspaced || IS_HASH.test(piece)) {
      return [{ start, end: start + piece.length, isUnspaced }];
    }
    return [...piece.matchAll(PART)].map(({ 0: part, index: offset }) => ({
      start: start + offset,
      end: start + offset + part.length,
      isUnspaced,
    }));
  });
}

/** Each pair of neighbours, so that any run of characters is found as a run of pairs. */
function* pairsOf(run: string, at: number, first: number): Generator<Word> {
  // A mark belongs to the letter before it.
  const letters = [...run.matchAll(/\P{M}\p{M}*|\p{M}+/gu)]
    .map(({ 0: text, index }) => ({
      text: fold(text),
      start: at + index,
      end: at + index + text.length,
    }))
    .filter(({ text }) => text !== '');
  for (const [nth, { text, start, end }] of letters.entries()) {
    const next = letters[nth + 1];
    const position = first + nth;
    if (next) yield { text: text + next.text, position, start, end: next.end, kind: 'pair' };
    else yield { text, position, start, end, kind: 'tail' };
  }
}

const IS_SYMBOL = /^\p{So}/u;
const IS_ASCII = /^[\0-\x7f]*$/;
/** Accents of Latin, Greek and Cyrillic letters, vowel points of Hebrew and Arabic. */
const ACCENTS = /[\u0300-\u036f\u0591-\u05c7\u064b-\u0652]/g;
/** Letters that Unicode does not take apart. */
const LETTER_FORMS: Readonly<Record<string, string>> = {
  ...{ ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i', ħ: 'h' },
};
const WITH_FORM = new RegExp(`[${Object.keys(LETTER_FORMS).join('')}]`, 'g');
const NO_LETTER = /[^\p{L}\p{M}\p{N}\p{So}]/gu;

/** Lower case, without accents, in one of the forms that Unicode has; at most so long. */
function fold(text: string): string {
  if (IS_SYMBOL.test(text)) return text;
  const folded = IS_ASCII.test(text)
    ? text.toLowerCase()
    : text
        .normalize('NFKD')
        .toLowerCase()
        .replace(ACCENTS, '')
        .replace(WITH_FORM, (letter) => LETTER_FORMS[letter] ?? letter)
        .normalize('NFC')
        .replace(NO_LETTER, '');
  return cut(folded);
}

const cut = (word: string): string =>
  word.length <= WORD_MAX ? word : word.slice(0, WORD_MAX).replace(/[\uD800-\uDBFF]$/, '');
