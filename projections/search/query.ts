import { wordsOf, type Word } from './words.ts';

/** What must stand in a text: parts of one word, or of a quoted phrase, one right after another. */
export interface Term {
  readonly parts: readonly string[];
  /** The parts written as one word, when they are one identifier. */
  readonly whole: string | undefined;
  /** The last part is the beginning of a word. */
  readonly isPrefix: boolean;
}

/** A piece of a text, in UTF-16 units. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The text between quotes, or a word; a quote that nothing closes is left out. */
const ASKED = /"([^"]*)"|[^\s"]+/g;

/**
 * The terms of a query, all of which must be found. Text in quotes is one term; the last word may
 * still be being typed, so it is a prefix. What has no letter, digit or symbol gives no term.
 */
export function termsOf(query: string): Term[] {
  const asked = [...query.matchAll(ASKED)].map(([text, phrase]) => ({
    words: [...wordsOf(phrase ?? text)],
    isQuoted: phrase !== undefined,
  }));
  return asked.flatMap(({ words, isQuoted }, nth) => {
    const isLast = nth === asked.length - 1;
    return termOf(words, { isQuoted, isLast }) ?? [];
  });
}

function termOf(
  words: readonly Word[],
  { isQuoted, isLast }: { isQuoted: boolean; isLast: boolean },
): Term | undefined {
  const parts = words.filter(({ kind }) => kind !== 'whole');
  const [last, before] = [parts.at(-1), parts.at(-2)];
  if (!last) return undefined;
  const texts = parts.map(({ text }) => text);
  if (last.kind === 'tail') {
    // In a text the run may go on after its last character, which is in the pair before it; a
    // character alone begins the pairs and is the tails that it is found in.
    const isInPair = before?.kind === 'pair';
    return isInPair
      ? { parts: texts.slice(0, -1), whole: undefined, isPrefix: false }
      : { parts: texts, whole: undefined, isPrefix: true };
  }
  const wholes = words.filter(({ kind }) => kind === 'whole');
  const isOneIdentifier = wholes.length === 1 && wholes[0]?.start === parts[0]?.start;
  const whole = isOneIdentifier && wholes[0]?.end === last.end ? wholes[0].text : undefined;
  return { parts: texts, whole: isQuoted ? undefined : whole, isPrefix: isLast && !isQuoted };
}

/** The terms as Postgres' `tsquery` writes them. */
export const tsqueryOf = (terms: readonly Term[]): string =>
  terms
    .map(({ parts, whole, isPrefix }) => {
      const suffix = isPrefix ? ':*' : '';
      const sequence = `${parts.map(quoted).join(' <-> ')}${suffix}`;
      return whole === undefined ? `(${sequence})` : `(${quoted(whole)}${suffix} | (${sequence}))`;
    })
    .join(' & ');

/** A word as the text of a `tsquery` or `tsvector` holds it: it has letters and digits alone. */
export const quoted = (word: string): string => `'${word}'`;

/**
 * Where the terms stand in a text, in order and without overlaps. With `lengthMax`, only as far as
 * that many UTF-16 units after the first.
 */
export function rangesOf(text: string, terms: readonly Term[], lengthMax = Infinity): Range[] {
  const found: Range[] = [];
  /** The last parts, as many as the longest term has. */
  const recent: Word[] = [];
  const longest = Math.max(0, ...terms.map(({ parts }) => parts.length));
  for (const word of wordsOf(text)) {
    if (found[0] && word.start > found[0].start + lengthMax) break;
    if (word.kind !== 'whole') {
      recent.push(word);
      if (recent.length > longest) recent.shift();
    }
    for (const term of terms) {
      // Parts that were found in an identifier say more than that it was found as a whole.
      const isMarked = word.kind === 'whole' && (found.at(-1)?.start ?? -1) >= word.start;
      if (isMarked) continue;
      const range = word.kind === 'whole' ? wholeRange(word, term) : sequenceRange(recent, term);
      if (range) found.push(range);
    }
  }
  return merged(found);
}

const matches = (text: string, wanted: string, isPrefix: boolean): boolean =>
  isPrefix ? text.startsWith(wanted) : text === wanted;

const wholeRange = (word: Word, { whole, parts, isPrefix }: Term): Range | undefined =>
  matches(word.text, whole ?? '', isPrefix && whole !== undefined) ||
  (parts.length === 1 && matches(word.text, parts[0] ?? '', isPrefix))
    ? word
    : undefined;

/** Where a term ends with the last of some parts. */
function sequenceRange(recent: readonly Word[], { parts, isPrefix }: Term): Range | undefined {
  const from = recent.length - parts.length;
  const [first, last] = [recent[from], recent.at(-1)];
  if (!first || !last) return undefined;
  const isFound = parts.every((part, nth) => {
    const word = recent[from + nth];
    return word && matches(word.text, part, isPrefix && nth === parts.length - 1);
  });
  if (!isFound) return undefined;
  // Of a pair that was found by its first character, that is what was asked for.
  const isHalf = last.kind === 'pair' && isPrefix;
  return { start: first.start, end: isHalf ? last.start + (parts.at(-1)?.length ?? 0) : last.end };
}

function merged(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a.start - b.start || a.end - b.end);
  return sorted.reduce<Range[]>((all, range) => {
    const before = all.at(-1);
    if (!before || range.start >= before.end) return [...all, range];
    return [...all.slice(0, -1), { start: before.start, end: Math.max(before.end, range.end) }];
  }, []);
}
