/*
 * The log in Postgres, and snapshots beside it. Read `postgres-log.ts` first: it puts the parts
 * together. `writer.ts` sends batches with `append-call.ts`; `reader.ts` reads pages. A follower
 * reads through `follow-source.ts`, and takes from `committed-events.ts` what this node has just
 * written; `head-notifier.ts` wakes the followers of other nodes. `connect.ts` opens every
 * connection.
 */
export type { PostgresLogOptions } from './options.ts';
export { openPostgresLog } from './postgres-log.ts';
export { PostgresSnapshots } from './postgres-snapshots.ts';
