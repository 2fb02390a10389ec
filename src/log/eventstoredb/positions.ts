import { LogError } from '../event-log.ts';
import type { ServerPosition } from './client.ts';

/** Digits of the largest number that the server counts with. */
const DIGITS = 19;

const pad = (n: bigint): string => String(n).padStart(DIGITS, '0');

/** The port's form of a place in the server's log: strings compare as the places do. */
export const positionOf = ({ commit, prepare }: ServerPosition): string =>
  pad(commit) + pad(prepare);

/** The place that a position stands for. Throws `LogError` `invalid` for what is none. */
export function serverPositionOf(position: string): ServerPosition {
  if (!/^\d{38}$/.test(position)) throw new LogError('invalid', 'not a position', 'after');
  return {
    commit: BigInt(position.slice(0, DIGITS)),
    prepare: BigInt(position.slice(DIGITS)),
  };
}
