import { LRUCache } from 'lru-cache';
import { countSessions, type CountSessions } from './list-sessions.ts';

/** Filters whose counts are remembered. */
const FILTERS_MAX = 1_000;
/** Shorter lists are counted each time: there one sees at once when a number is old. */
const LONG = 1_000;

/**
 * Counts sessions, and remembers long counts for `cacheMs`: who leafs through a list does not have
 * it counted again for each page, which for a label that many sessions have takes nearly all of the
 * page's time.
 */
export function cachedCounts(cacheMs: number): CountSessions {
  const counts = new LRUCache<string, number>({ max: FILTERS_MAX, ttl: cacheMs });
  return async (database, filter, max, asOf) => {
    if (asOf) return countSessions(database, filter, max, asOf);
    const key = JSON.stringify([filter, max]);
    const known = counts.get(key);
    if (known !== undefined) return known;
    const count = await countSessions(database, filter, max);
    if (count > LONG) counts.set(key, count);
    return count;
  };
}
