import { randomUUID } from 'node:crypto';
import type { Bench } from './support/bench.ts';
import { HttpConnection } from './support/http-connection.ts';
import { adminKey, startBareServer, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';
import { reportedMessage } from './support/reported.ts';

const CONNECTIONS = 64;
/** The service is compiled while it runs. */
const WARM_UP_MS = 8_000;
const MEASURE_MS = 4_000;
const LINES = 50;
/** Messages of a conversation before its connection goes on with another. */
const MESSAGES_PER_CONVERSATION = 500;

/**
 * Messages posted to `/api/ingest` over 64 connections, one after another on each, each of them a
 * durable event, beside a Fastify route that only parses them. Client, server and database share
 * the machine. `lines` is the same in files of 50 messages.
 */
export const appendHttp: Bench = {
  name: 'append.http',
  async run(context) {
    const database = await context.freshDatabase();
    const service = await startService(database.url);
    const ingest = new URL('/api/ingest', service.url);
    const ours = await measure(ingest);
    const lines = await measure(ingest, LINES);
    await service.stop();
    await database.drop();
    const bare = await startBareServer();
    const parsed = await measure(new URL('/', bare.url));
    await bare.stop();
    return [
      { name: '', value: ours.perSecond, unit: 'events/s' },
      { name: 'p50', value: quantile(ours.latencies, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours.latencies, 0.99), unit: 'ms' },
      { name: 'lines', value: lines.perSecond, unit: 'events/s' },
      { name: 'bare', value: parsed.perSecond, unit: 'requests/s' },
      { name: 'of_bare', value: ours.perSecond / parsed.perSecond, unit: 'ratio' },
    ];
  },
};

async function measure(url: URL, lines = 1) {
  const from = performance.now() + WARM_UP_MS;
  const until = from + MEASURE_MS;
  const latencies: number[] = [];
  const write = async (): Promise<void> => {
    const type = lines > 1 ? 'application/x-ndjson' : 'application/json';
    const connection = await HttpConnection.open(url, adminKey, type);
    let conversation = randomUUID();
    for (let nth = 0, now = performance.now(); now < until; nth += lines) {
      if (nth % MESSAGES_PER_CONVERSATION === 0) conversation = randomUUID();
      const messages = Array.from({ length: lines }, (_, line) =>
        reportedMessage(conversation, `m${nth + line}`),
      );
      await connection.post(messages.join('\n'));
      const done = performance.now();
      if (now >= from && done <= until) latencies.push(done - now);
      now = done;
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, write));
  return { perSecond: (latencies.length * lines * 1000) / MEASURE_MS, latencies };
}
