import { limits } from './limits.ts';

/**
 * How long to wait before another try, in milliseconds. It grows by half with every try that failed
 * in a row, so that who comes back after a new start of the service does so soon; half of it is
 * chance (0 to 1), so that those who were cut off together do not come together.
 */
export function pauseMs(failed: number, chance: number): number {
  const longest = Math.min(limits.pauseMsMax, limits.pauseMsMin * 1.5 ** failed);
  return (longest * (1 + chance)) / 2;
}
