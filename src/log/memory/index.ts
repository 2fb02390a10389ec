export { openMemoryLog, type MemoryLogOptions } from './memory-log.ts';
export { MemorySnapshots } from './memory-snapshots.ts';
