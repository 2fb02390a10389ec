import { setTimeout as sleep } from 'node:timers/promises';
import { WakeUpSignal } from '../../src/log/wake-up-signal.ts';

describe('the wake-up signal', () => {
  const { signal } = new AbortController();

  /** Whether waiting ended before its time. */
  const rings = async (waiting: Promise<void>): Promise<boolean> =>
    Promise.race([waiting.then(() => true), sleep(30, false)]);

  it('wakes who waits when the log reaches further', async () => {
    const wakeUp = new WakeUpSignal();
    const waiting = wakeUp.wait('5', 10_000, signal);
    wakeUp.wake('5');
    wakeUp.wake('4');
    expect(await rings(waiting)).toBe(false);
    wakeUp.wake('6');
    expect(await rings(waiting)).toBe(true);
  });

  it('has rung for who comes later', async () => {
    const wakeUp = new WakeUpSignal();
    wakeUp.wake('6');
    expect(await rings(wakeUp.wait('5', 10_000, signal))).toBe(true);
  });

  it('rings once for a head that is never found', async () => {
    const wakeUp = new WakeUpSignal();
    wakeUp.wake('nonsense');
    expect(await rings(wakeUp.wait('5', 10_000, signal))).toBe(true);
    const waiting = wakeUp.wait('5', 10_000, signal);
    expect(await rings(waiting)).toBe(false);
    wakeUp.wake('6');
    expect(await rings(waiting)).toBe(true);
  });

  it('lets go after a while, and at once when it is over', async () => {
    const wakeUp = new WakeUpSignal();
    expect(await rings(wakeUp.wait('5', 5, signal))).toBe(true);
    const over = new AbortController();
    const waiting = wakeUp.wait('5', 10_000, over.signal);
    over.abort();
    expect(await rings(waiting)).toBe(true);
    expect(await rings(wakeUp.wait('5', 10_000, over.signal))).toBe(true);
  });
});
