import { itIsAnEventLog } from './event-log.contract.ts';
import { postgresStore } from './postgres-store.ts';

itIsAnEventLog('Postgres', postgresStore, { restart: true, twoNodes: true, cutConnections: true });
