import { randomUUID } from 'node:crypto';
import { limits } from '../../src/config.ts';
import { openEventStoreLog } from '../../src/log/eventstoredb/index.ts';

/** Opens a log of its own on the server that benches need; those are left out without one. */
export async function openBenchEventStore() {
  const connectionString = process.env['EVENTSTORE_URL'] ?? '';
  const streamPrefix = `bench${randomUUID()}.`;
  const log = await openEventStoreLog({ ...limits, connectionString, streamPrefix });
  return { log, connectionString, streamPrefix };
}
