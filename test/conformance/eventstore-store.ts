import { randomUUID } from 'node:crypto';
import { limits } from '../../src/config.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import {
  openEventStoreLog,
  type Connect,
  type EventStoreLogOptions,
} from '../../src/log/eventstoredb/index.ts';
import { serverFault, FakeEventStore } from '../support/eventstore/index.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import type { LogStore } from './log-under-test.ts';

export interface FakeEventStoreLog extends LogStore {
  readonly server: FakeEventStore;
  /** What open logs have warned of. */
  readonly warnings: string[];
  open(options?: Partial<EventStoreLogOptions>, connect?: Connect): Promise<EventLog>;
}

/** A stand-in of the server for a test, with the service's limits. */
export async function fakeEventStore(): Promise<FakeEventStoreLog> {
  const server = new FakeEventStore();
  const warnings: string[] = [];
  const warn = (message: string, about: unknown): void => {
    warnings.push(`${message}: ${String(about)}`);
  };
  const connectionString = 'esdb://stand-in';
  return {
    server,
    warnings,
    open: (options, connect = server.connect) =>
      openEventStoreLog({ connectionString, ...limits, warn, ...options }, connect),
    async cut() {
      server.mischief.push('answer-lost', 'lost', serverFault(undefined, '14 UNAVAILABLE', 14));
      server.misbehave('error');
    },
    drop: async () => undefined,
  };
}

/**
 * A log on a real server, one node without TLS, by a cable that can be cut. Each has streams of its
 * own there, distinguished by a prefix.
 */
export async function serverStore(url: string): Promise<LogStore> {
  const cable = await startTcpProxy(url.replace(/^esdb:/, 'http:'));
  const streamPrefix = `a_test.${randomUUID().slice(0, 8)}.`;
  const connectionString = `${cable.url.replace('http:', 'esdb:')}?tls=false`;
  return {
    open: () => openEventStoreLog({ connectionString, streamPrefix, ...limits }),
    cut: async () => cable.cut(),
    drop: () => cable.close(),
  };
}
