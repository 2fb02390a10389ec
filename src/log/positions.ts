import { LogError, START } from './event-log.ts';

/** Digits of a position: enough for every number that JavaScript counts exactly. */
const DIGITS = 16;

/** The n-th event's position, counted from 1, so that strings compare as the numbers do. */
export const positionOf = (n: number | string): string => String(n).padStart(DIGITS, '0');

/** How many events lie up to a position. Throws `LogError` `invalid` for what is none. */
export function numberOf(position: string): number {
  if (position === START) return 0;
  if (!/^\d{16}$/.test(position)) throw new LogError('invalid', 'not a position', 'after');
  return Number(position);
}
