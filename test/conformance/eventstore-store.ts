import { randomUUID } from 'node:crypto';
import { limits } from '../../src/config.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import {
  openEventStoreLog,
  type Connect,
  type EventStoreLogOptions,
} from '../../src/log/eventstoredb/index.ts';
import { serverFault, StandInServer } from '../support/eventstore/index.ts';
import { layCable, type Cable } from '../support/tcp-proxy.ts';
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

export interface ServerLogStore extends LogStore {
  /** What lies between the logs and the server. */
  readonly cable: Cable;
}

/**
 * A log on a real server, one node without TLS, by a cable that can be cut. Each has streams of its
 * own there, told apart by a prefix.
 */
export async function serverStore(
  url: string,
  options: Partial<EventStoreLogOptions> = {},
): Promise<ServerLogStore> {
  const cable = await layCable(url.replace(/^esdb:/, 'http:'));
  const streamPrefix = `a_test.${randomUUID().slice(0, 8)}.`;
  const connectionString = `${cable.url.replace('http:', 'esdb:')}?tls=false`;
  return {
    cable,
    open: () => openEventStoreLog({ connectionString, streamPrefix, ...testLimits, ...options }),
    cut: async () => cable.cut(),
    drop: () => cable.close(),
  };
}
