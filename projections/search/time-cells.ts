/**
 * Times as words, so that the index of words narrows a search to the newest texts by itself. A text
 * has one word for the cell of time it lies in, in each of some sizes.
 */

/** Sizes of cells: 16 to this power seconds, from an hour to half a year. */
const SIZES = [3, 4, 5, 6] as const;
/** A search names at most so many cells; more would cost it more than they spare. */
const CELLS_MAX = 16;

const cell = (at: string, size: number): number =>
  Math.floor(Date.parse(`${at.slice(0, 19)}Z`) / 1_000 / 16 ** size);

const named = (size: number, nth: number): string => `'@${size}:${nth}'`;

/** The words for a time, as the text of a `tsvector`. */
export const cellsOf = (at: string): string =>
  SIZES.map((size) => named(size, cell(at, size))).join(' ');

/**
 * Cells that together hold all times from `from` to `to`, as the text of a `tsquery`; undefined
 * when it takes too many.
 */
export function cellsBetween(from: string, to: string): string | undefined {
  const size = SIZES.find((one) => cell(to, one) - cell(from, one) < CELLS_MAX);
  if (size === undefined) return undefined;
  const first = cell(from, size);
  const count = Math.max(0, cell(to, size) - first) + 1;
  return Array.from({ length: count }, (_, nth) => named(size, first + nth)).join(' | ');
}
