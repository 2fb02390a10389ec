import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDBClient, streamNameFilter } from '@eventstore/db-client';
import { NO_STREAM, type EventLog } from '../src/log/event-log.ts';
import { newEvent } from './support/appending.ts';
import type { Bench } from './support/bench.ts';
import { openBenchEventStore } from './support/event-store.ts';
import { quantile } from './support/quantile.ts';

const EVENTS = 1_500;
const WARM_UP = 300;
const EVERY_MS = 5;

/**
 * From the call of an append to the event at a live follower of the whole log, 200 events a second,
 * beside a subscription of the bare client that receives the same events.
 */
export const followEsdb: Bench = {
  name: 'follow.esdb',
  needs: 'EVENTSTORE_URL',
  async run() {
    const { log, connectionString, streamPrefix } = await openBenchEventStore();
    const client = EventStoreDBClient.connectionString(connectionString);
    const sentAt = new Map<string, number>();
    const [ours, bare] = [new Map<string, number>(), new Map<string, number>()];
    const follower = log.follow(await log.head(), ({ events }) => {
      for (const { id } of events) ours.set(id, performance.now());
    });
    const subscription = client.subscribeToAll({
      fromPosition: 'end',
      filter: streamNameFilter({ prefixes: [`${streamPrefix}session-`] }),
    });
    subscription.on('data', ({ event }) => bare.set(event?.id ?? '', performance.now()));
    await sleep(1_000);
    await appendAll(log, sentAt);
    for (let waited = 0; ours.size < EVENTS || bare.size < EVENTS; waited += 10) {
      if (waited > 30_000) throw new Error('not all events were received');
      await sleep(10);
    }
    await subscription.unsubscribe();
    await client.dispose();
    await follower.stop();
    await log.close();
    return [...figures('', latencies(sentAt, ours)), ...figures('bare.', latencies(sentAt, bare))];
  },
};

async function appendAll(log: EventLog, sentAt: Map<string, number>): Promise<void> {
  const stream = `session-${randomUUID()}`;
  const begin = performance.now();
  for (let nth = 0, expected = NO_STREAM; nth < EVENTS; nth += 1, expected += 1) {
    await sleep(Math.max(0, begin + nth * EVERY_MS - performance.now()));
    const event = newEvent();
    sentAt.set(event.id, performance.now());
    await log.append({ stream, expected, events: [event] });
  }
}

const latencies = (sentAt: ReadonlyMap<string, number>, heardAt: ReadonlyMap<string, number>) =>
  [...sentAt].slice(WARM_UP).map(([id, at]) => (heardAt.get(id) ?? NaN) - at);

const figures = (name: string, values: readonly number[]) => [
  { name: `${name}p50`, value: quantile(values, 0.5), unit: 'ms' },
  { name: `${name}p99`, value: quantile(values, 0.99), unit: 'ms' },
];
