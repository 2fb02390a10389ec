import { readFileSync } from 'node:fs';
import type { Figure } from './bench.ts';

/** Processor time since boot, in ticks: what others on the host took of it, and all. */
function ticks(): { steal: number; all: number } {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  // user nice system idle iowait irq softirq steal; what follows is counted in these already.
  const counts = first.split(/ +/).slice(1, 9).map(Number);
  return { steal: counts[7] ?? 0, all: counts.reduce((sum, count) => sum + count, 0) };
}

/**
 * Begins to watch how much of the processors' time is taken away by the host's other guests, which
 * no figure of that time should be read without; the result ends that. Nothing where it cannot be
 * known: on other systems than Linux.
 */
export function measureStealTime(): () => Figure[] {
  if (process.platform !== 'linux') return () => [];
  const before = ticks();
  return () => {
    const now = ticks();
    const share = (now.steal - before.steal) / Math.max(1, now.all - before.all);
    return [{ name: 'steal', value: 100 * share, unit: '% steal time' }];
  };
}
