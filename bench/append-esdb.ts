import { EventStoreDBClient, jsonEvent, type JSONType } from '@eventstore/db-client';
import { appender, measure, newEvent, streamsInTurn, type Work } from './support/appending.ts';
import type { Bench } from './support/bench.ts';
import { openBenchEventStore } from './support/event-store.ts';
import { quantile } from './support/quantile.ts';

const APPENDERS = 128;

/**
 * 128 concurrent appenders, each with one event an append and several streams in turn, beside the
 * same through the bare client on the same server.
 */
export const appendEsdb: Bench = {
  name: `append.esdb.${APPENDERS}`,
  needs: 'EVENTSTORE_URL',
  async run() {
    const { log, connectionString, streamPrefix } = await openBenchEventStore();
    const client = EventStoreDBClient.connectionString(connectionString);
    const ours = () => measure(APPENDERS, 1, () => appender(log));
    const bare = () => measure(APPENDERS, 1, () => bareAppender(client, streamPrefix));
    // Each comes first once: a server, and a process, are slower when they begin.
    const [a, b, c, d] = [await ours(), await bare(), await bare(), await ours()];
    await client.dispose();
    await log.close();
    const latencies = [...a.latencies, ...d.latencies];
    const [own, others] = [a.perSecond + d.perSecond, b.perSecond + c.perSecond];
    return [
      { name: '', value: own / 2, unit: 'events/s' },
      { name: 'p50', value: quantile(latencies, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(latencies, 0.99), unit: 'ms' },
      { name: 'bare', value: others / 2, unit: 'events/s' },
      { name: 'of_bare', value: own / others, unit: 'ratio' },
    ];
  },
};

function bareAppender(client: EventStoreDBClient, prefix: string): Work {
  const turns = streamsInTurn();
  return async () => {
    const turn = turns.next().value;
    const { stream, revision } = turn;
    const { id, type, data, meta } = newEvent();
    const event = jsonEvent({ id, type, data: data as JSONType, metadata: { ...meta } });
    const expectedRevision = revision < 0 ? 'no_stream' : BigInt(revision);
    const answer = await client.appendToStream(prefix + stream, event, { expectedRevision });
    turn.revision = Number(answer.nextExpectedRevision);
  };
}
