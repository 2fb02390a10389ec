import type { Snippet } from '@playhead/contract';
import { rangesOf, type Term } from '../../../projections/search/query.ts';

/** Characters before the first word that was found, and of the whole piece. */
const LEAD = 60;
const LENGTH = 240;

/**
 * The piece of a text around the first of some terms, with all of them marked; its beginning when
 * none is found. `…` stands where the text goes on.
 */
export function snippetOf(text: string, terms: readonly Term[]): Snippet {
  const ranges = rangesOf(text, terms, LENGTH);
  const from = characterFrom(text, Math.max(0, (ranges[0]?.start ?? 0) - LEAD));
  const to = characterFrom(text, Math.min(text.length, from + LENGTH));
  const [before, after] = [from > 0 ? '…' : '', to < text.length ? '…' : ''];
  const shift = before.length - from;
  const shown = ranges.filter(({ start }) => start < to);
  return {
    text: `${before}${text.slice(from, to)}${after}`,
    highlights: shown.map(({ start, end }) => [start + shift, Math.min(end, to) - start]),
  };
}

/** A place at or before `at` that is not in the middle of a surrogate pair. */
const characterFrom = (text: string, at: number): number =>
  /[\uDC00-\uDFFF]/.test(text.charAt(at)) ? at - 1 : at;
