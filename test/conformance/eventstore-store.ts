import { limits } from '../../src/config.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import {
  openEventStoreLog,
  type Connect,
  type EventStoreLogOptions,
} from '../../src/log/eventstoredb/index.ts';
import { serverFault, StandInServer } from '../support/eventstore/index.ts';
import type { LogStore } from './subject.ts';

/** The service's limits, with times that let a test see what happens when they have passed. */
export const testLimits: Omit<EventStoreLogOptions, 'connectionString'> = {
  ...limits,
  appendsUnderWayMax: 256,
  answerMs: 5_000,
  heartbeatEveryMs: 1_000,
  silenceMaxMs: 3_000,
};

export interface StandInLogStore extends LogStore {
  readonly server: StandInServer;
  /** What open logs have warned of. */
  readonly warnings: string[];
  open(options?: Partial<EventStoreLogOptions>, connect?: Connect): Promise<EventLog>;
}

/** A stand-in of the server for a test, with the service's limits. */
export async function standInStore(): Promise<StandInLogStore> {
  const server = new StandInServer();
  const warnings: string[] = [];
  const warn = (message: string, about: unknown): void => {
    warnings.push(`${message}: ${String(about)}`);
  };
  const connectionString = 'esdb://stand-in';
  return {
    server,
    warnings,
    open: (options, connect = server.connect) =>
      openEventStoreLog({ connectionString, ...testLimits, warn, ...options }, connect),
    async cut() {
      server.mischief.push('answer-lost', 'lost', serverFault(undefined, '14 UNAVAILABLE', 14));
      server.misbehave('error');
    },
    drop: async () => undefined,
  };
}
