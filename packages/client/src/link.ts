import {
  refusal,
  type ClientToServer,
  type Refusal,
  type ServerToClient,
} from '@playhead/contract';
import { io, type Socket } from 'socket.io-client';
import { limits } from './limits.ts';
import { pauseMs } from './pause.ts';

/** What a link tells. */
export interface LinkListener {
  connected(): void;
  /** What was not answered will not be. */
  cut(): void;
  /** It will not connect again: the key is not valid or may not read, or it was closed. */
  refused(refusal: Refusal): void;
}

/** A socket that comes back for ever when it is cut off, unless it is refused for good. */
export class Link {
  readonly socket: Socket<ServerToClient, ClientToServer>;
  readonly #listeners = new Set<LinkListener>();
  #refusal: Refusal | undefined;
  /** Connections in a row of which nothing came. */
  #failed = 0;
  /** The node that was left has told when to come back, in milliseconds. */
  #returnMs: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, token: string) {
    this.socket = io(url, {
      transports: ['websocket'],
      auth: { token },
      forceNew: true,
      // Socket.IO's own does not come back when the service ends the connection.
      reconnection: false,
      autoConnect: false,
      timeout: limits.connectMs,
    });
    this.socket.on('connect', () => {
      clearTimeout(this.#timer);
      for (const listener of this.#listeners) listener.connected();
    });
    this.socket.on('disconnect', () => {
      for (const listener of this.#listeners) listener.cut();
      this.#later();
    });
    this.socket.on('connect_error', (error) => this.#cannotConnect(error));
    this.socket.on('leaving', ({ afterMs }) => (this.#returnMs = afterMs));
    this.socket.onAny(() => (this.#failed = 0));
    this.#connect();
  }

  get isConnected(): boolean {
    return this.socket.connected;
  }

  /** Why it does not come back; undefined as long as it does. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** Answers the way to stop listening. */
  listen(listener: LinkListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** It is cut and does not come back; everybody is told why. */
  close(refusal: Refusal): void {
    if (this.#refusal) return;
    this.#refusal = refusal;
    clearTimeout(this.#timer);
    this.socket.disconnect();
    for (const listener of this.#listeners) listener.refused(refusal);
  }

  #connect(): void {
    this.socket.connect();
    // The transport may stand and nobody answer on it.
    this.#timer = setTimeout(() => {
      this.socket.disconnect();
      this.#later();
    }, limits.connectMs);
  }

  #cannotConnect(error: Error & { readonly data?: unknown }): void {
    const refused = refusal.safeParse(error.data);
    if (!refused.success || refused.data.retry) this.#later();
    else this.close(refused.data);
  }

  #later(): void {
    clearTimeout(this.#timer);
    if (this.#refusal) return;
    const ms = this.#returnMs ?? pauseMs(this.#failed, Math.random());
    this.#returnMs = undefined;
    this.#timer = setTimeout(() => this.#connect(), ms);
    this.#failed += 1;
  }
}
