export type { Connect, ServerClient } from './client.ts';
export { openEventStoreLog } from './eventstore-log.ts';
export type { EventStoreLogOptions } from './options.ts';
