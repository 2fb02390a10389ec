/*
 * The log and its snapshots in memory, for tests of what stands on a log. `memory-log.ts` is the
 * shortest implementation of `../event-log.ts`, so read it before those for Postgres and
 * EventStoreDB.
 */
export { openMemoryLog, type MemoryLogOptions } from './memory-log.ts';
export { MemorySnapshots } from './memory-snapshots.ts';
