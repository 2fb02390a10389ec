import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent, type JSONType } from '@eventstore/db-client';
import { limits } from '../src/config.ts';
import { openEventStoreLog } from '../src/log/eventstoredb/index.ts';
import { appender, measure, newEvent, streamsInTurn, type Work } from './support/appending.ts';
import type { Bench } from './support/bench.ts';
import { eventStoreUrl } from './support/event-store.ts';
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
    const connectionString = eventStoreUrl();
    const streamPrefix = `bench${randomUUID()}.`;
    const log = await openEventStoreLog({ ...limits, connectionString, streamPrefix });
    const ours = await measure(APPENDERS, 1, () => appender(log));
    await log.close();
    const client = EventStoreDBClient.connectionString(connectionString);
    const bare = await measure(APPENDERS, 1, () => bareAppender(client, streamPrefix));
    await client.dispose();
    return [
      { name: '', value: ours.perSecond, unit: 'events/s' },
      { name: 'p50', value: quantile(ours.latencies, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours.latencies, 0.99), unit: 'ms' },
      { name: 'bare', value: bare.perSecond, unit: 'events/s' },
      { name: 'of_bare', value: ours.perSecond / bare.perSecond, unit: 'ratio' },
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
