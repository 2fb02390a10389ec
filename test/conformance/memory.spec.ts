import { openMemoryLog } from '../../src/log/memory/index.ts';
import { itIsAnEventLog } from './event-log.contract.ts';

itIsAnEventLog(
  'memory',
  async () => ({ open: async () => openMemoryLog(), drop: async () => undefined }),
  { restart: false, twoNodes: false, cutConnections: false },
);
