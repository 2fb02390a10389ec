/*
 * The log on a server of EventStoreDB. Read `eventstore-log.ts` first: it puts the parts together.
 * `mapping.ts` turns the log's terms into the server's and back. `writer.ts` appends; `reader.ts`
 * and `log-head.ts` read; `follow-source.ts` keeps one `subscription.ts` at a time.
 * `own-streams.ts` holds what the adapter writes for itself. `client.ts` is what it needs of the
 * server's client, which `replaceable-client.ts` replaces when it breaks and whose errors
 * `errors.ts` reads.
 */
export type { Connect, ServerClient } from './client.ts';
export { openEventStoreLog } from './eventstore-log.ts';
export type { EventStoreLogOptions } from './options.ts';
