import { IoAdapter } from '@nestjs/platform-socket.io';
import type { INestApplicationContext } from '@nestjs/common';
import type { MessageMappingProperties } from '@nestjs/websockets';
import type { Server, ServerOptions, Socket } from 'socket.io';

/** Bounds of a socket, as `config.ts` has them. */
export interface SocketLimits {
  readonly socketMessageBytesMax: number;
  readonly socketConnectMs: number;
}

/**
 * Socket.IO on the service's own port, as a pipe: what it could recover of a cut connection is
 * bounded and dies with the node, so the client's cursor does that, and recovery stays off. No
 * origin is let in by CORS.
 */
export class SocketAdapter extends IoAdapter {
  constructor(
    app: INestApplicationContext,
    private readonly limits: SocketLimits,
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
    return super.createIOServer(port, {
      ...options,
      serveClient: true,
      // Costs a tenth of the throughput and ten times the memory.
      perMessageDeflate: false,
      maxHttpBufferSize: this.limits.socketMessageBytesMax,
      connectTimeout: this.limits.socketConnectMs,
    } as ServerOptions);
  }
}
