import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { StartupError } from './startup-error.ts';

/** Where the service listens; port 0 lets the system choose. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Throws when the address cannot be had, which is good to know before anything is made. */
export async function tryAddress(address: Address): Promise<void> {
  const server = createServer();
  await refusing(address, once(server.listen(address), 'listening'));
  await once(server.close(), 'close');
}

/** Answers the URL to type in. By Fastify's own method: Nest's prints what it throws. */
export async function listen(app: NestFastifyApplication, address: Address): Promise<string> {
  await app.init();
  await refusing(address, app.getHttpAdapter().getInstance().listen(address));
  const { host } = address;
  const bound = app.getHttpServer().address();
  const port = typeof bound === 'object' && bound ? bound.port : '?';
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function refusing({ host, port }: Address, work: Promise<unknown>): Promise<void> {
  await work.catch((failure: unknown) => {
    throw new StartupError(`HOST ${host} and PORT ${port}`, failure);
  });
}

/**
 * Prepares the end, before anything connects. It finishes requests that run, and lets no connection
 * wait for another one; a client that has not sent its request within `graceMs`, or reads no
 * answer, is cut.
 */
export function closing(app: NestFastifyApplication, graceMs: number): () => Promise<void> {
  const server = app.getHttpServer();
  const silent = silentConnectionsOf(server);
  return async () => {
    const impatience = setTimeout(() => server.closeAllConnections(), graceMs);
    const dismissal = setInterval(() => {
      server.closeIdleConnections();
      for (const socket of silent()) socket.destroy();
    }, dismissEveryMs);
    await app.close();
    clearTimeout(impatience);
    clearInterval(dismissal);
  };
}

const dismissEveryMs = 50;

/** Those on which nothing was asked. Browsers connect ahead and may never ask. */
function silentConnectionsOf(server: Server): () => Socket[] {
  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return () => [...connections].filter(({ bytesRead }) => bytesRead === 0);
}
