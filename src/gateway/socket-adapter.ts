import type { IncomingMessage } from 'node:http';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { INestApplicationContext } from '@nestjs/common';
import type { MessageMappingProperties } from '@nestjs/websockets';
import type { AllowedOrigins } from '../access/allowed-origins.ts';
import { corsOptionsFor } from '../http/cors.ts';
import type { UnauthenticatedSockets } from './unauthenticated-sockets.ts';
import type { Server, ServerOptions, Socket } from 'socket.io';

/** Bounds of a socket, as `limits.ts` has them. */
export interface SocketLimits {
  readonly socketMessageBytesMax: number;
  readonly preflightMaxAgeS: number;
}

/**
 * Socket.IO on the service's own port, as a transport only. Its own recovery of cut connections is
 * bounded and lost with the node, so it stays off: clients resume from their cursors. Pages of
 * origins that are not let in are refused at the handshake.
 */
export class SocketAdapter extends IoAdapter {
  constructor(
    app: INestApplicationContext,
    private readonly limits: SocketLimits,
    private readonly origins: AllowedOrigins,
    private readonly unauthenticated: UnauthenticatedSockets,
  ) {
    super(app);
  }

  /**
   * Plain listeners. Every handler here answers by itself, so that Nest's own, which look for
   * answers in what handlers return, would only cost each viewer twice the memory.
   */
  override bindMessageHandlers(socket: Socket, handlers: MessageMappingProperties[]): void {
    for (const { message, callback } of handlers) {
      socket.on(String(message), (...sent: unknown[]) => {
        const ack = typeof sent.at(-1) === 'function' ? sent.pop() : undefined;
        void callback(sent.length > 1 ? sent : sent[0], ack);
      });
    }
  }

  override createIOServer(port: number, options?: ServerOptions): Server {
    const server: Server = super.createIOServer(port, {
      ...options,
      serveClient: true,
      cors: corsOptionsFor(this.origins, this.limits.preflightMaxAgeS),
      // CORS alone keeps no page from a WebSocket.
      allowRequest: (request, done) => {
        const refusal = this.#refusalOf(request);
        done(refusal, refusal === null);
      },
      // Costs a tenth of the throughput and ten times the memory.
      perMessageDeflate: false,
      maxHttpBufferSize: this.limits.socketMessageBytesMax,
    } as ServerOptions);
    server.engine.on('connection', (connection: Socket['conn']) =>
      this.unauthenticated.opened(connection),
    );
    server.on('connection', ({ conn }) => this.unauthenticated.authenticated(conn));
    return server;
  }

  #refusalOf(request: IncomingMessage): string | null {
    const { origin, host } = request.headers;
    if (this.origins.accessOf(origin, host) === 'refused') return 'this origin is not allowed';
    // A client that has a connection already sends its `sid` with each request.
    const isNew = !/[?&]sid=/.test(request.url ?? '');
    const hasRoom = !isNew || this.unauthenticated.hasRoomFor(request);
    return hasRoom ? null : 'too many connections without a key';
  }
}
