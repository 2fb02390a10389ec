import { itIsAnEventLog } from './event-log.contract.ts';
import { serverStore, fakeEventStore } from './eventstore-store.ts';

const abilities = { restart: true, twoNodes: true, cutConnections: true };

itIsAnEventLog('EventStoreDB (stand-in)', fakeEventStore, abilities);

const url = process.env['EVENTSTORE_URL'];

itIsAnEventLog('EventStoreDB', () => serverStore(url ?? ''), abilities, url !== undefined);
