export { openMemoryLog, type MemoryLogOptions } from './memory-log.ts';
