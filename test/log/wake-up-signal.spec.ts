import { setTimeout as sleep } from 'node:timers/promises';
import { HeadSignal } from '../../src/log/wake-up-signal.ts';

describe('the head signal', () => {
  const { signal } = new AbortController();

  /** Whether waiting ended before its time. */
  const wakes = async (waiting: Promise<void>): Promise<boolean> =>
    Promise.race([waiting.then(() => true), sleep(30, false)]);

  it('wakes who waits when the log reaches further', async () => {
    const headSignal = new HeadSignal();
    const waiting = headSignal.wait('5', 10_000, signal);
    headSignal.reached('5');
    headSignal.reached('4');
    expect(await wakes(waiting)).toBe(false);
    headSignal.reached('6');
    expect(await wakes(waiting)).toBe(true);
  });

  it('is kept for who waits later', async () => {
    const headSignal = new HeadSignal();
    headSignal.reached('6');
    expect(await wakes(headSignal.wait('5', 10_000, signal))).toBe(true);
  });

  it('wakes once for a head that is never found', async () => {
    const headSignal = new HeadSignal();
    headSignal.reached('nonsense');
    expect(await wakes(headSignal.wait('5', 10_000, signal))).toBe(true);
    const waiting = headSignal.wait('5', 10_000, signal);
    expect(await wakes(waiting)).toBe(false);
    headSignal.reached('6');
    expect(await wakes(waiting)).toBe(true);
  });

  it('lets go after a while, and at once when it is over', async () => {
    const headSignal = new HeadSignal();
    expect(await wakes(headSignal.wait('5', 5, signal))).toBe(true);
    const over = new AbortController();
    const waiting = headSignal.wait('5', 10_000, over.signal);
    over.abort();
    expect(await wakes(waiting)).toBe(true);
    expect(await wakes(headSignal.wait('5', 10_000, over.signal))).toBe(true);
  });
});
