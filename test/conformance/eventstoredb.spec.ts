import { randomUUID } from 'node:crypto';
import { openEventStoreLog } from '../../src/log/eventstoredb/index.ts';
import { itIsAnEventLog } from './event-log.contract.ts';
import { standInStore, testLimits } from './eventstore-store.ts';
import type { LogStore } from './subject.ts';

const abilities = { restart: true, twoNodes: true, cutConnections: true };

itIsAnEventLog('EventStoreDB (stand-in)', standInStore, abilities);

/** Each test has streams of its own on the one server, told apart by a prefix. */
const serverStore = (connectionString: string) => async (): Promise<LogStore> => {
  const streamPrefix = `test${randomUUID().slice(0, 8)}.`;
  return {
    open: () => openEventStoreLog({ connectionString, streamPrefix, ...testLimits }),
    drop: async () => undefined,
  };
};

const url = process.env['EVENTSTORE_URL'];

itIsAnEventLog(
  'EventStoreDB',
  serverStore(url ?? ''),
  { ...abilities, cutConnections: false },
  url !== undefined,
);
