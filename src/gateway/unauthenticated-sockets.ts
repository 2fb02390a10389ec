import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import type { Socket } from 'socket.io';

type Connection = Socket['conn'];

/** How many connections may be open that have shown no key, and for how long. */
export interface UnauthenticatedLimits {
  /** After this time a connection without a key is cut, in milliseconds. */
  readonly socketConnectMs: number;
  readonly unauthenticatedSocketsMax: number;
  /** Of one address. */
  readonly unauthenticatedSocketsPerAddressMax: number;
}

/**
 * Connections that are not on a namespace yet: nobody has shown a key on them. They are bounded, in
 * all and by address, and cut hard when their time is over: a peer that does not answer the close
 * frame would otherwise keep its connection for 30 seconds more.
 */
export class UnauthenticatedSockets {
  /** The address of each connection and what cuts it. */
  readonly #open = new Map<Connection, { readonly address: string; readonly stop: () => void }>();
  readonly #byAddress = new Map<string, number>();

  /** `trustedProxies` are addresses and networks whose `X-Forwarded-For` is believed. */
  constructor(
    private readonly limits: UnauthenticatedLimits,
    private readonly trustedProxies: readonly string[],
  ) {}

  /** Connections without a key. */
  get count(): number {
    return this.#open.size;
  }

  /** Whether the connection that a request asks for may be opened. */
  hasRoomFor(request: IncomingMessage): boolean {
    const { unauthenticatedSocketsMax, unauthenticatedSocketsPerAddressMax } = this.limits;
    const ofAddress = this.#byAddress.get(this.#addressOf(request)) ?? 0;
    return (
      this.#open.size < unauthenticatedSocketsMax && ofAddress < unauthenticatedSocketsPerAddressMax
    );
  }

  /** A connection was opened. It is cut at once when others took its place meanwhile. */
  opened(connection: Connection): void {
    const { request } = connection;
    if (!this.hasRoomFor(request)) {
      terminate(connection);
      return;
    }
    const address = this.#addressOf(request);
    const timer = setTimeout(() => terminate(connection), this.limits.socketConnectMs);
    this.#open.set(connection, { address, stop: () => clearTimeout(timer) });
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    connection.once('close', () => this.#remove(connection));
  }

  /** A valid key was shown on the connection. */
  authenticated(connection: Connection): void {
    this.#remove(connection);
  }

  #remove(connection: Connection): void {
    const open = this.#open.get(connection);
    if (!open) return;
    open.stop();
    this.#open.delete(connection);
    const left = (this.#byAddress.get(open.address) ?? 0) - 1;
    if (left > 0) this.#byAddress.set(open.address, left);
    else this.#byAddress.delete(open.address);
  }

  #addressOf(request: IncomingMessage): string {
    return proxyAddr(request, [...this.trustedProxies]);
  }
}

/** Ends a connection at once: a closing handshake would wait for a peer that does not read. */
export function terminate(connection: Connection): void {
  connection.close(true);
  const { socket } = connection.transport as unknown as { socket?: { terminate?(): void } };
  socket?.terminate?.();
}
