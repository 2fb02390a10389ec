import type { Snippet } from '@playhead/contract';

/** Characters around the first word that was found, and of the whole piece. */
const LEAD = 60;
const LENGTH = 240;

/**
 * The piece of a text around the first of some words, with all of them marked; its beginning when
 * none is found. Upper and lower case are the same. `…` stands where the text goes on.
 */
export function snippetOf(
  text: string,
  words: readonly string[],
  { isWhole }: { isWhole: boolean },
): Snippet {
  const pattern = patternOf(words, isWhole);
  const first = pattern ? text.search(pattern) : -1;
  const from = wholeFrom(text, Math.max(0, first - LEAD));
  const to = wholeFrom(text, Math.min(text.length, from + LENGTH));
  const piece = `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`;
  const found = pattern ? [...piece.matchAll(new RegExp(pattern, 'giu'))] : [];
  return { text: piece, highlights: found.map((one) => [one.index, one[0].length]) };
}

/** A place at or before `at` that is not in the middle of a surrogate pair. */
const wholeFrom = (text: string, at: number): number =>
  /[\uDC00-\uDFFF]/.test(text.charAt(at)) ? at - 1 : at;

/** Finds any of the words, the longest where several begin; as part of a word unless `isWhole`. */
function patternOf(words: readonly string[], isWhole: boolean): RegExp | undefined {
  if (words.length === 0) return undefined;
  const any = [...words]
    .sort((a, b) => b.length - a.length)
    .map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
    .join('|');
  return new RegExp(
    isWhole ? `(?<![\\p{L}\\p{N}])(?:${any})(?![\\p{L}\\p{N}])` : `(?:${any})`,
    'iu',
  );
}
