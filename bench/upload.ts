import { randomUUID } from 'node:crypto';
import { limits } from '../src/config.ts';
import type { Bench } from './support/bench.ts';
import { adminKey, startBareServer, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';

const MESSAGES = 100;
const UPLOADS = 600;
const AT_ONCE = 4;

const body = (): string =>
  JSON.stringify({
    conversation: {
      ...{ id: randomUUID(), name: 'Old run', mode: 'round-robin', initial_prompt: 'Design a log' },
      ...{ started_at: '2025-10-15T10:00:00Z', status: 'COMPLETED' },
    },
    agents: [{ agent_id: 'claude-0', agent_type: 'claude', agent_name: 'PM' }],
    messages: Array.from({ length: MESSAGES }, (_, nth) => ({
      ...{ agent_id: 'claude-0', agent_type: 'claude', agent_name: 'PM', role: 'agent' },
      content: `${nth} ${'Forty words or so, as people and agents say them. '.repeat(4)}`,
      timestamp: new Date(1_760_000_000_000 + nth * 1_000).toISOString(),
      ...{ tokens_used: 150, input_tokens: 100, output_tokens: 50, cost: 0.0003 },
    })),
  });

/**
 * Whole sessions of 100 messages, four at a time, until each is in list, detail and search; beside
 * a Fastify route that only parses them.
 */
export const upload: Bench = {
  name: 'upload',
  async run(context) {
    const database = await context.freshDatabase();
    const service = await startService(database.url);
    // One key may upload so many a minute.
    const keys: string[] = [];
    while (keys.length * limits.uploadsPerMinute < UPLOADS) keys.push(await newKey(service.url));
    const bodies = Array.from({ length: UPLOADS }, body);
    const keyOf = (nth: number): string => keys[nth % keys.length] ?? '';
    const ours = await sendAll(new URL('/api/sessions/upload', service.url), bodies, keyOf);
    await service.stop();
    await database.drop();
    const bare = await startBareServer();
    const parsed = await sendAll(new URL('/', bare.url), bodies, keyOf);
    await bare.stop();
    return [
      { name: '', value: ours.perSecond, unit: 'sessions/s' },
      { name: 'p50', value: quantile(ours.latencies, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours.latencies, 0.99), unit: 'ms' },
      { name: 'bare', value: parsed.perSecond, unit: 'sessions/s' },
    ];
  },
};

async function newKey(url: string): Promise<string> {
  const answer = await fetch(new URL('/api/keys', url), {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench', scopes: ['ingest'] }),
  });
  return ((await answer.json()) as { key: string }).key;
}

async function sendAll(url: URL, bodies: readonly string[], keyOf: (nth: number) => string) {
  const begin = performance.now();
  const latencies: number[] = [];
  let next = 0;
  const send = async (): Promise<void> => {
    while (next < bodies.length) {
      const nth = next;
      next += 1;
      const sent = performance.now();
      const answer = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${keyOf(nth)}`, 'content-type': 'application/json' },
        body: bodies[nth] ?? '',
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(text);
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  return { perSecond: (bodies.length * 1000) / (performance.now() - begin), latencies };
}
