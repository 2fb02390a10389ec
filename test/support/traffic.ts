import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../src/config.ts';
import type { RunningService } from './service.ts';

interface Listed {
  readonly pagination: { readonly total: number };
}

const WRITES_PER_SECOND = 500;
const READS_PER_SECOND = 20;
/** On a machine that has no time for more, fewer are sent. */
const WAITING_MAX = 100;

/**
 * Writes and reads at a steady rate until it is ended: posts messages to the sessions `live-0` to
 * `live-49`, reads those of the given ones, each of which has five messages or more. Fails on what
 * is refused or missing.
 */
export function startTraffic(
  service: RunningService,
  ids: readonly string[],
): { end(): Promise<{ writes: number; reads: number }> } {
  const begun = Date.now();
  const counts = { writes: 0, reads: 0 };
  let [isEnded, nth] = [false, 0];
  const write = async (): Promise<void> => {
    const body = JSON.stringify({ role: 'user', content: 'text' });
    const path = `/api/sessions/live-${(nth += 1) % 50}/commands/message.post`;
    const { status, text } = await service.request(path, { type: 'application/json', body });
    if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
  };
  const read = async (): Promise<void> => {
    const { pagination } = await service.get<Listed>('/api/sessions?limit=1');
    // Larger totals are not counted out.
    expect(pagination.total).toBeGreaterThanOrEqual(Math.min(ids.length, limits.countExactMax));
    const known = ids[counts.reads % ids.length];
    const { id } = await service.get<{ id: string }>(`/api/sessions/${known}`);
    expect(id).toBe(known);
    const { messages } = await service.get<{ messages: unknown[] }>(
      `/api/sessions/${known}/messages?limit=5`,
    );
    expect(messages).toHaveLength(5);
  };
  const steadily = async (
    kind: 'writes' | 'reads',
    rate: number,
    work: () => Promise<void>,
  ): Promise<void> => {
    const waiting = new Set<Promise<void>>();
    for (let sent = 0; !isEnded; await sleep(5)) {
      const due = ((Date.now() - begun) * rate) / 1_000;
      for (; sent < due && waiting.size < WAITING_MAX; sent += 1) {
        const one = work().then(() => void (counts[kind] += 1));
        waiting.add(one);
        void one.finally(() => waiting.delete(one)).catch(() => undefined);
      }
      await Promise.race([...waiting, sleep(5)]);
    }
    await Promise.all(waiting);
  };
  const running = Promise.all([
    steadily('writes', WRITES_PER_SECOND, write),
    steadily('reads', READS_PER_SECOND, read),
  ]);
  running.catch(() => undefined);
  return {
    end: async () => {
      isEnded = true;
      await running;
      const seconds = (Date.now() - begun) / 1_000;
      const rateOf = (count: number): string => (count / seconds).toFixed(0);
      console.log(`writes/s: ${rateOf(counts.writes)}, reads/s: ${rateOf(counts.reads)}`);
      return counts;
    },
  };
}
