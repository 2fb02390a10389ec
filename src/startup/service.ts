import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { AllowedOrigins } from '../access/allowed-origins.ts';
import { RateLimit } from '../access/rate-limit.ts';
import { AppModule, type ServiceParts } from '../app.module.ts';
import type { Config } from '../config.ts';
import { SessionsGateway } from '../gateway/sessions.gateway.ts';
import { UnauthenticatedSockets } from '../gateway/unauthenticated-sockets.ts';
import { SocketAdapter } from '../gateway/socket-adapter.ts';
import { addRequestHooks } from '../http/request-hooks.ts';
import { gauge } from '../http/operations/metrics.ts';
import { nestLogger } from '../http/nest-logger.ts';
import { OpenStreams } from '../http/sse/open-streams.ts';
import { guardRawRequests, serverOptions } from '../http/raw-request-guard.ts';
import { closing, listen, tryAddress } from './listening.ts';
import { openParts } from './open-parts.ts';
import { METRICS } from '../tokens.ts';
import { CleanupStack } from './cleanup-stack.ts';

/** A running service. */
export interface Service {
  readonly url: string;
  /** The admin key made by a first start; it cannot be had again. */
  readonly firstKey: string | undefined;
  /** Finishes what runs, then lets go of everything. */
  stop(): Promise<void>;
}

/**
 * Starts everything, or undoes what was started and throws. `onFatal` is called with why a running
 * service cannot go on: only a new start helps.
 */
export async function startService(
  config: Config,
  logger: Logger,
  onFatal: (reason: string) => void,
): Promise<Service> {
  const cleanup = new CleanupStack();
  const stop = (): Promise<void> =>
    cleanup.run((failure) => logger.error({ err: failure }, 'while stopping'));
  try {
    await tryAddress({ host: config.host, port: config.port });
    const parts = await openParts(config, logger, cleanup, onFatal);
    const app = await createApp(config, logger, parts);
    cleanup.add(closing(app, config.limits.shutdownGraceMs));
    const url = await listen(app, { host: config.host, port: config.port });
    const firstKey =
      config.adminKey === undefined && !(await parts.keys.hasAdmin())
        ? await parts.keys.create('first admin', ['admin'])
        : undefined;
    return { url, firstKey, stop };
  } catch (failure) {
    await stop();
    throw failure;
  }
}

async function createApp(
  config: Config,
  logger: Logger,
  parts: ServiceParts,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter(serverOptions(parts.keys, config.limits));
  const requests = new RateLimit(config.requestsPerMinute);
  const origins = new AllowedOrigins(config);
  addRequestHooks(adapter.getInstance(), parts.keys, { ...config.limits, requests, origins });
  guardRawRequests(adapter.getInstance().server, parts.keys);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.of(config, logger, parts),
    adapter,
    { logger: nestLogger(logger), bodyParser: false, abortOnError: false },
  );
  const unauthenticated = new UnauthenticatedSockets(config.limits, config.trustedProxies);
  app.useWebSocketAdapter(new SocketAdapter(app, config.limits, origins, unauthenticated));
  const gateway = app.get(SessionsGateway);
  const registry = app.get<Registry>(METRICS);
  gauge(
    registry,
    'unauthenticated_sockets',
    'Connections that have shown no key',
    () => unauthenticated.count,
  );
  gauge(registry, 'sockets', 'Sockets that are connected', () => gateway.sockets);
  gauge(registry, 'pending_bytes', 'Bytes that wait for slow sockets', () => gateway.pendingBytes);
  const streams = app.get(OpenStreams);
  gauge(registry, 'streams', 'Streams (SSE) that are open', () => streams.count);
  gauge(
    registry,
    'stream_pending_bytes',
    'Bytes that wait for slow streams',
    () => streams.pendingBytes,
  );
  const isBehind = 'Viewers who are sent what they missed, because more waited than may';
  gauge(registry, 'viewers_behind', isBehind, () => parts.sessionSubscriptions.behind);
  return app;
}
