import { setTimeout as sleep } from 'node:timers/promises';
import { START, type RecordedEvent } from '../../src/log/event-log.ts';
import {
  anEvent,
  collect,
  eventOfBytes,
  eventually,
  idsOf,
  someEvents,
} from '../support/log-events.ts';
import type { LogUnderTest } from './log-under-test.ts';

export function followCases({ log, store, itIf }: LogUnderTest): void {
  const append = (count = 1, stream = 'session-a') =>
    log().append({ stream, expected: 'any', events: someEvents(count) });

  /** Appends one after another until asked to stop; resolves with how many. */
  const appendAllTheTime = () => {
    let isOn = true;
    let stored = 0;
    const done = (async () => {
      for (; isOn; stored += 1) await append(1, `s-${stored % 5}`);
      return stored;
    })();
    return () => {
      isOn = false;
      return done;
    };
  };

  const expectWhole = async (events: readonly RecordedEvent[]): Promise<void> => {
    const all: RecordedEvent[] = [];
    for (
      let page;
      (page = await log().readAll({ after: all.at(-1)?.position ?? '', limit: 500 }));
    ) {
      if (page.length === 0) break;
      all.push(...page);
    }
    expect(idsOf(events)).toEqual(idsOf(all));
  };

  it('from an empty log on, notified at once that it is caught up', async () => {
    const follower = collect(log(), START);
    await eventually('a first batch', () => follower.batches.length > 0);
    expect(follower.batches).toEqual([{ events: [], through: START, caughtUp: true }]);
    await append(3);
    await follower.holds(3);
    await expectWhole(follower.events);
    await follower.stop();
  });

  it('from any position: what is there, then what comes', async () => {
    await append(5);
    const { position } = await append(1, 'session-b');
    const rest = await append(4);
    const follower = collect(log(), position);
    await append(2);
    await follower.holds(6);
    expect(follower.events[3]?.position).toBe(rest.position);
    expect(follower.events.map((event) => event.revision)).toEqual([5, 6, 7, 8, 9, 10]);
    await follower.stop();
  });

  it('in pages, and says caught up only with the last', async () => {
    for (let nth = 0; nth < 5; nth += 1) await append(500);
    const follower = collect(log(), START);
    await follower.holds(2_500);
    await eventually('caught up', () => follower.batches.at(-1)?.caughtUp === true);
    const marks = follower.batches.filter(({ events }) => events.length > 0);
    expect(marks.length).toBeGreaterThan(1);
    expect(marks.map(({ caughtUp }) => caughtUp)).toEqual([
      ...marks.slice(1).map(() => false),
      true,
    ]);
    for (const { events, through } of marks) expect(events.at(-1)?.position).toBe(through);
    await follower.stop();
  });

  it('in pages that bound memory', async () => {
    const events = Array.from({ length: 7 }, () => eventOfBytes(800 * 1024));
    for (const event of events) {
      await log().append({ stream: 'large', expected: 'any', events: [event] });
    }
    const follower = collect(log(), START);
    await follower.holds(7);
    for (const batch of follower.batches) expect(batch.events.length).toBeLessThanOrEqual(5);
    expect(idsOf(follower.events)).toEqual(idsOf(events));
    await follower.stop();
  });

  it('without a hole while others append', async () => {
    const finish = appendAllTheTime();
    await sleep(20);
    const followers = Array.from({ length: 4 }, () => collect(log(), START));
    await sleep(300);
    const stored = await finish();
    for (const follower of followers) {
      await follower.holds(stored);
      await expectWhole(follower.events);
      await follower.stop();
    }
  });

  it('by a slow handler at its own pace, with no call beside another', async () => {
    const fast = collect(log(), START);
    const seen: string[] = [];
    let running = 0;
    const follower = log().follow(START, async ({ events }) => {
      running += 1;
      expect(running).toBe(1);
      await sleep(50);
      seen.push(...idsOf(events));
      running -= 1;
    });
    for (let nth = 0; nth < 20; nth += 1) await append();
    await fast.holds(20, 2_000);
    await eventually('the slow one to have all', () => seen.length >= 20);
    expect(seen).toEqual(idsOf(fast.events));
    await follower.stop();
    await fast.stop();
  });

  it('by a handler that throws with the same batch again', async () => {
    const tries: string[][] = [];
    const follower = log().follow(START, ({ events }) => {
      if (events.length === 0) return;
      tries.push(idsOf(events));
      if (tries.length < 3) throw new Error('not now');
    });
    await append(2);
    await eventually('three tries', () => tries.length >= 3);
    expect(tries.slice(1, 3)).toEqual([tries[0], tries[0]]);
    await append(1);
    await eventually('all of them', () => new Set(tries.flat()).size === 3);
    // The third try took the first batch; from there on each event comes once.
    expect(tries.slice(2).flat()).toHaveLength(3);
    await follower.stop();
  });

  it('no longer once stopped, when the handler is done', async () => {
    let isHandling = false;
    let calls = 0;
    const follower = log().follow(START, async () => {
      calls += 1;
      isHandling = true;
      await sleep(100);
      isHandling = false;
    });
    await eventually('a first call', () => isHandling);
    await follower.stop();
    expect(isHandling).toBe(false);
    await append(1);
    await sleep(50);
    expect(calls).toBe(1);
  });

  it('no longer once the log is closed', async () => {
    const follower = collect(log(), START);
    await append(1);
    await follower.holds(1);
    await log().close();
    expect(follower.events).toHaveLength(1);
  });

  itIf('twoNodes')('by another node, soon after the append', async () => {
    const other = await store().open();
    const follower = collect(other, START);
    await eventually('caught up', () => follower.batches.length > 0);
    const waits: number[] = [];
    for (let nth = 1; nth <= 30; nth += 1) {
      await append();
      const stored = performance.now();
      await follower.holds(nth);
      waits.push(performance.now() - stored);
      await sleep(10);
    }
    // Polling alone would take half of 200 ms.
    expect(waits.sort((a, b) => a - b)[15]).toBeLessThan(60);
    await other.close();
  });

  itIf('cutConnections')('through cut connections, missing and repeating nothing', async () => {
    const follower = collect(log(), START);
    let isOn = true;
    let stored = 0;
    const writing = (async () => {
      for (; isOn; stored += 1) {
        await log().append({ stream: 'session-a', expected: stored - 1, events: [anEvent()] });
      }
    })();
    for (let nth = 0; nth < 10; nth += 1) {
      await sleep(60);
      await store().cut?.();
    }
    isOn = false;
    await writing;
    await follower.holds(stored);
    expect(follower.events.map(({ revision }) => revision)).toEqual(
      Array.from({ length: stored }, (_, nth) => nth),
    );
    await expectWhole(follower.events);
    await follower.stop();
  });
}
