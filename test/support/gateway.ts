import { AllowedOrigins } from '../../src/access/allowed-origins.ts';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ClientToServer, ServerToClient } from '@playhead/contract';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { KeyRow, Keys } from '../../src/access/keys.ts';
import { limits, readConfig, type Limits } from '../../src/config.ts';
import { openDatabase } from '../../src/startup/database.ts';
import { SessionsGateway } from '../../src/gateway/sessions.gateway.ts';
import { UnauthenticatedSockets } from '../../src/gateway/unauthenticated-sockets.ts';
import { SocketAdapter } from '../../src/gateway/socket-adapter.ts';
import { SessionHistory } from '../../src/live/history/session-history.ts';
import { SessionSubscriptions } from '../../src/live/session/session-subscriptions.ts';
import { MemorySnapshots } from '../../src/log/memory/index.ts';
import { openPostgresLog } from '../../src/log/postgres/index.ts';
import { openTail } from '../../src/log/tail.ts';
import { openPostgresNodes } from '../../src/nodes/postgres-nodes.ts';
import { CONFIG, KEYS, NODES, SESSION_HISTORY, SESSION_SUBSCRIPTIONS } from '../../src/tokens.ts';
import { freshDatabase } from './database.ts';

export type ClientSocket = Socket<ServerToClient, ClientToServer>;

export const readKey = 'a key that may read sessions';
export const ingestKey = 'a key that may only ingest';

@Module({})
class GatewayModule {}

async function openParts(own: Limits, onFault: (fault: unknown) => void) {
  const fresh = await freshDatabase();
  const { url } = fresh;
  const database = await openDatabase(url, { entities: [KeyRow], migrations: [], poolSize: 2 });
  const log = await openPostgresLog({ ...own, connectionString: url });
  const tail = await openTail(log, { bytesMax: own.tailBytesMax });
  const preset = [
    { name: 'reader', key: readKey, scopes: ['read'] as const },
    { name: 'ingester', key: ingestKey, scopes: ['ingest'] as const },
  ];
  const keys = new Keys(database, log, { preset, cacheMs: 1 });
  const snapshots = new MemorySnapshots();
  const history = new SessionHistory({ log, snapshots, onFault }, own);
  const subscriptions = new SessionSubscriptions({ log, tail, snapshots }, own, onFault);
  const nodes = openPostgresNodes({ ...own, connectionString: url, warn: () => undefined });
  const close = async (): Promise<void> => {
    subscriptions.stop();
    await nodes.close();
    await tail.stop();
    await log.close();
    await database.destroy();
    await fresh.drop();
  };
  return { database, log, tail, nodes, keys, subscriptions, history, close };
}

/** The gateway on a Postgres log and real keys, without the rest of the service. */
export async function startGateway(changed: Partial<Record<keyof Limits, number>> = {}) {
  const own = { ...limits, ...changed };
  const faults: unknown[] = [];
  const parts = await openParts(own, (fault) => faults.push(fault));
  const module = {
    module: GatewayModule,
    providers: [
      SessionsGateway,
      { provide: SESSION_SUBSCRIPTIONS, useValue: parts.subscriptions },
      { provide: SESSION_HISTORY, useValue: parts.history },
      { provide: KEYS, useValue: parts.keys },
      { provide: NODES, useValue: parts.nodes },
      { provide: CONFIG, useValue: { ...readConfig({}), limits: own } },
    ],
  };
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), {
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  const origins = new AllowedOrigins({ allowedOrigins: undefined, host: '127.0.0.1' });
  const unauthenticated = new UnauthenticatedSockets(own, ['127.0.0.9']);
  app.useWebSocketAdapter(new SocketAdapter(app, own, origins, unauthenticated));
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const sockets: ClientSocket[] = [];
  return {
    ...parts,
    url,
    gateway: app.get(SessionsGateway),
    unauthenticated,
    limits: own,
    /** What the subscriptions says should never have happened. */
    faults,
    /** A socket that holds a key and is not asked to come back when it is cut. */
    connect(options: Partial<ManagerOptions & SocketOptions> = {}, at = url): ClientSocket {
      const socket: ClientSocket = io(at, {
        transports: ['websocket'],
        forceNew: true,
        reconnection: false,
        auth: { token: readKey },
        ...options,
      });
      sockets.push(socket);
      return socket;
    },
    /** Ends the gateway alone, as a stopping service does first. */
    stopGateway: () => app.close(),
    async stop(): Promise<void> {
      for (const socket of sockets) socket.disconnect();
      await app.close();
      await parts.close();
    },
  };
}

export type RunningGateway = Awaited<ReturnType<typeof startGateway>>;
