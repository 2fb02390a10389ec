import {
  isRefusal,
  type ClientToServer,
  type Refusal,
  type ServerToClient,
} from '@playhead/contract';
import { io, type Socket } from 'socket.io-client';
import { newId } from './ids.ts';
import { limits } from './limits.ts';
import type { TokenSource } from './token-source.ts';

/** What a connection reports. */
export interface ConnectionListener {
  connected(): void;
  /** Requests without an answer will not be answered. */
  disconnected(): void;
  /** It will not connect again: the key is not valid or may not read, or it was closed. */
  refused(refusal: Refusal): void;
}

/**
 * A socket that reconnects for ever with jittered backoff, unless it is refused for good. It asks
 * for another token when its own is refused and there may be another.
 */
export class Connection {
  readonly socket: Socket<ServerToClient, ClientToServer>;
  readonly #listeners = new Set<ConnectionListener>();
  #refusal: Refusal | undefined;
  /** Connections in a row on which nothing was received. */
  #failures = 0;
  /** When the stopping node asked to reconnect, in milliseconds. */
  #reconnectMs: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #token = '';
  /**
   * A secret by which the service knows commands that are sent again, also after the token was
   * replaced by that of another principal.
   */
  readonly #client = newId();
  /** The token that was refused last, until the connection stands, and how often in a row. */
  #refused: { readonly token: string; readonly times: number } | undefined;

  constructor(
    url: string,
    private readonly tokens: TokenSource,
  ) {
    this.socket = io(url, {
      transports: ['websocket'],
      auth: (show) => show({ token: this.#token, client: this.#client }),
      forceNew: true,
      // Socket.IO does not reconnect by itself when the service ends the connection.
      reconnection: false,
      autoConnect: false,
      timeout: limits.connectMs,
    });
    this.socket.on('connect', () => {
      clearTimeout(this.#timer);
      this.#refused = undefined;
      for (const listener of this.#listeners) listener.connected();
    });
    this.socket.on('disconnect', () => {
      for (const listener of this.#listeners) listener.disconnected();
      this.#reconnectLater();
    });
    this.socket.on('connect_error', (error) => this.#connectFailed(error));
    this.socket.on('leaving', ({ afterMs }) => (this.#reconnectMs = afterMs));
    this.socket.onAny(() => (this.#failures = 0));
    this.#connect();
  }

  get isConnected(): boolean {
    return this.socket.connected;
  }

  /** Why it no longer reconnects; undefined while it does. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** Returns a function that stops listening. */
  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Disconnects for good; listeners get the reason. */
  close(refusal: Refusal): void {
    if (this.#refusal) return;
    this.#refusal = refusal;
    clearTimeout(this.#timer);
    this.socket.disconnect();
    for (const listener of this.#listeners) listener.refused(refusal);
  }

  /**
   * What a refusal means on this connection. When another token may help, the refusal of a token is
   * one that may succeed later, and the connection is made again with the other token.
   */
  assess<Answer extends Refusal>(refusal: Answer): Answer {
    if (!this.#isOfToken(refusal)) return refusal;
    this.#refused ??= { token: this.#token, times: 0 };
    // The service may have ended it already.
    this.socket.disconnect();
    return { ...refusal, retry: true };
  }

  #isOfToken({ code }: Refusal): boolean {
    return code === 'unauthenticated' && this.tokens.isRenewable && !this.#refusal;
  }

  #connect(): void {
    const token = this.tokens.get(this.#refused?.token);
    if (typeof token === 'string') this.#connectWith(token);
    else {
      token.then(
        (own) => this.#connectWith(own),
        () => this.#reconnectLater(),
      );
    }
  }

  #connectWith(token: string): void {
    // It may have been closed while it waited for the token.
    if (this.#refusal) return;
    this.#token = token;
    this.socket.connect();
    // The transport may be open while nothing answers on it.
    this.#timer = setTimeout(() => {
      this.socket.disconnect();
      this.#reconnectLater();
    }, limits.connectMs);
  }

  #connectFailed(error: Error & { readonly data?: unknown }): void {
    const { data } = error;
    if (isRefusal(data) && !this.#mayRetry(data)) this.close(data);
    else this.#reconnectLater();
  }

  /** A token that is refused again and again is given up; another one begins from the start. */
  #mayRetry(refusal: Refusal): boolean {
    if (!this.#isOfToken(refusal)) return refusal.retry;
    const token = this.#token;
    const times = this.#refused?.token === token ? this.#refused.times + 1 : 1;
    this.#refused = { token, times };
    return times < limits.tokenTriesMax;
  }

  #reconnectLater(): void {
    clearTimeout(this.#timer);
    if (this.#refusal) return;
    const ms = this.#reconnectMs ?? backoffMs(this.#failures, Math.random());
    this.#reconnectMs = undefined;
    this.#timer = setTimeout(() => this.#connect(), ms);
    this.#failures += 1;
  }
}

/**
 * The connection that a subscription uses. A socket carries one list, and each session once: a
 * second subscription to the same gets a connection of its own, and closes it at the end.
 */
export interface ConnectionLease {
  readonly connection: Connection;
  readonly isOwn: boolean;
}

/**
 * The pause before the next attempt, in milliseconds. It grows by half with each failure in a row,
 * so that clients are back soon after a restart; half of it is chance (0 to 1), so that clients
 * that were disconnected together do not reconnect together.
 */
export function backoffMs(failures: number, chance: number): number {
  const longest = Math.min(limits.backoffMsMax, limits.backoffMsMin * 1.5 ** failures);
  return (longest * (1 + chance)) / 2;
}
