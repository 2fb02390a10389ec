export type { PostgresLogOptions } from './options.ts';
export { openPostgresLog } from './postgres-log.ts';
export { PostgresSnapshots } from './postgres-snapshots.ts';
