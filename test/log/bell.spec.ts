import { setTimeout as sleep } from 'node:timers/promises';
import { Bell } from '../../src/log/bell.ts';

describe('the bell', () => {
  const { signal } = new AbortController();

  /** Whether waiting ended before its time. */
  const rings = async (waiting: Promise<void>): Promise<boolean> =>
    Promise.race([waiting.then(() => true), sleep(30, false)]);

  it('wakes who waits when the log reaches further', async () => {
    const bell = new Bell();
    const waiting = bell.wait('5', 10_000, signal);
    bell.ring('5');
    bell.ring('4');
    expect(await rings(waiting)).toBe(false);
    bell.ring('6');
    expect(await rings(waiting)).toBe(true);
  });

  it('has rung for who comes later', async () => {
    const bell = new Bell();
    bell.ring('6');
    expect(await rings(bell.wait('5', 10_000, signal))).toBe(true);
  });

  it('rings once for a head that is never found', async () => {
    const bell = new Bell();
    bell.ring('nonsense');
    expect(await rings(bell.wait('5', 10_000, signal))).toBe(true);
    const waiting = bell.wait('5', 10_000, signal);
    expect(await rings(waiting)).toBe(false);
    bell.ring('6');
    expect(await rings(waiting)).toBe(true);
  });

  it('lets go after a while, and at once when it is over', async () => {
    const bell = new Bell();
    expect(await rings(bell.wait('5', 5, signal))).toBe(true);
    const over = new AbortController();
    const waiting = bell.wait('5', 10_000, over.signal);
    over.abort();
    expect(await rings(waiting)).toBe(true);
    expect(await rings(bell.wait('5', 10_000, over.signal))).toBe(true);
  });
});
