import { IoAdapter } from '@nestjs/platform-socket.io';
import type { INestApplicationContext } from '@nestjs/common';
import type { Server, ServerOptions } from 'socket.io';

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
