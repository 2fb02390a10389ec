import fc from 'fast-check';
import type { StoredEvent } from '../../src/log/codec.ts';
import { boundedPage } from '../../src/log/pages.ts';
import { positionOf } from '../../src/log/positions.ts';
import { CommittedEvents } from '../../src/log/postgres/committed-events.ts';

const BYTES_MAX = 100;

const eventAt = (n: number, bytes: number): StoredEvent => ({
  id: `event ${n}`,
  type: 'message.posted',
  v: 1,
  data: '{}',
  meta: '{}',
  bytes,
  stream: 'session-one',
  revision: n - 1,
  position: positionOf(n),
});

type Act =
  | { readonly act: 'commit' | 'others'; readonly sizes: readonly number[] }
  | { readonly act: 'take'; readonly limit: number; readonly bytesMax: number }
  | { readonly act: 'lose' };

const commit = fc.record({
  act: fc.constantFrom('commit' as const, 'commit' as const, 'commit' as const, 'others' as const),
  sizes: fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 3 }),
});
const take = fc.record({
  act: fc.constant('take' as const),
  limit: fc.integer({ min: 1, max: 5 }),
  bytesMax: fc.integer({ min: 1, max: 80 }),
});
const lose = fc.record({ act: fc.constant('lose' as const) });
const act: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: commit, weight: 8 },
  { arbitrary: take, weight: 8 },
  { arbitrary: lose, weight: 1 },
);

/** A follower that takes what is fresh and else reads the log; answers how often it took. */
function follow(acts: readonly Act[]): number {
  const fresh = new CommittedEvents(BYTES_MAX);
  const log: StoredEvent[] = [];
  let read = 0;
  let times = 0;
  for (const one of acts) {
    if (one.act === 'lose') fresh.clear();
    else if (one.act === 'take') {
      const taken = fresh.after(read, one);
      times += taken ? 1 : 0;
      const events = taken?.events ?? log.slice(read, read + one.limit);
      if (taken) {
        expect(events).toEqual(boundedPage(log.slice(read, read + events.length), one));
        expect(events).not.toEqual([]);
      }
      read += events.length;
    } else {
      const events = one.sizes.map((bytes, nth) => eventAt(log.length + nth + 1, bytes));
      log.push(...events);
      if (one.act === 'commit') fresh.offer(events);
    }
  }
  return times;
}

it('are what comes right after the last event, without a hole, in pages', () => {
  let times = 0;
  const lives = fc.array(act, { maxLength: 40 });
  const check = (acts: readonly Act[]) => void (times += follow(acts));
  fc.assert(fc.property(lives, check), { numRuns: 2_000 });
  expect(times).toBeGreaterThan(1_000);
});

it('are all that was committed while nobody else writes, and say when they end', () => {
  const fresh = new CommittedEvents(BYTES_MAX);
  const events = [1, 2, 3, 4, 5].map((n) => eventAt(n, 10));
  fresh.offer(events.slice(0, 3));
  fresh.offer(events.slice(3));
  const bounds = { limit: 3, bytesMax: BYTES_MAX };
  expect(fresh.after(0, bounds)).toEqual({ events: events.slice(0, 3), isLast: false });
  expect(fresh.after(3, bounds)).toEqual({ events: events.slice(3), isLast: true });
  expect(fresh.after(5, bounds)).toBeUndefined();
});

it('are given up when too many bytes wait', () => {
  const fresh = new CommittedEvents(BYTES_MAX);
  fresh.offer([eventAt(1, 60)]);
  fresh.offer([eventAt(2, 60)]);
  expect(fresh.after(0, { limit: 9, bytesMax: BYTES_MAX })).toBeUndefined();
  fresh.offer([eventAt(3, 60)]);
  expect(fresh.after(2, { limit: 9, bytesMax: BYTES_MAX })?.isLast).toBe(true);
});
