import {
  refusal,
  type ClientToServer,
  type Refusal,
  type ServerToClient,
} from '@playhead/contract';
import { io, type Socket } from 'socket.io-client';
import { Failure } from './failure.ts';
import { keyIn, type ServiceOptions } from './service.ts';

/** Within this time an open must have been acknowledged. */
export const ANSWER_MS = 10_000;
const PAUSE_MS = 500;
const RECONNECT_MS_MAX = 2_000;

/** How often a socket reconnects, and what it does then. */
export interface ReconnectingSocketOptions {
  /** How often in a row it tries to reconnect. */
  readonly reconnectsMax: number;
  /** Ends it. */
  readonly stop: AbortSignal;
  /** Asks for what is to be delivered; called whenever it is connected. */
  open(): void;
}

/** A socket that reconnects when the connection is lost. Its user keeps the cursor. */
export class ReconnectingSocket {
  /** Resolves when `end` was called; rejects with `Failure`: `unreachable` or `refused`. */
  readonly ended: Promise<void>;
  readonly socket: Socket<ServerToClient, ClientToServer>;
  hasEnded = false;
  readonly #origin: string;
  #wasConnected = false;
  #settle: (failure?: Failure) => void = () => undefined;

  /** Throws `Failure` `usage` when there is no key. */
  constructor(service: ServiceOptions, options: ReconnectingSocketOptions) {
    this.#origin = new URL(service.url).origin;
    this.ended = new Promise((resolve, reject) => {
      this.#settle = (failure) => (failure ? reject(failure) : resolve());
    });
    this.socket = io(this.#origin, {
      transports: ['websocket'],
      auth: { token: keyIn(service) },
      reconnectionDelayMax: RECONNECT_MS_MAX,
      reconnectionAttempts: options.reconnectsMax,
    });
    const { socket } = this;
    socket.on('connect', () => {
      this.#wasConnected = true;
      options.open();
    });
    socket.on('refused', (refused) => this.refused(refused, () => undefined));
    socket.on('connect_error', (error) => this.#cannotConnect(error));
    socket.on('disconnect', () => {
      // Socket.IO does not reconnect by itself when the service has disconnected it.
      if (!socket.active) this.#retryLater(() => socket.connect());
    });
    socket.io.on('reconnect_failed', () =>
      this.#unreachable('the connection was lost and cannot be made again'),
    );
    options.stop.addEventListener('abort', () => this.end());
  }

  end(failure?: Failure): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.socket.disconnect();
    this.#settle(failure);
  }

  /** Disconnects and connects again. */
  reconnect(): void {
    this.socket.disconnect();
    this.#retryLater(() => this.socket.connect());
  }

  /** Tries again after a pause when that may help, else ends. */
  refused(refused: Refusal, again: () => void): void {
    if (refused.retry) this.#retryLater(again);
    else this.end(new Failure('refused', refused.message, refused));
  }

  #cannotConnect(error: Error & { readonly data?: unknown; readonly description?: unknown }): void {
    const refused = refusal.safeParse(error.data);
    if (refused.success) this.refused(refused.data, () => this.socket.connect());
    else if (!this.#wasConnected) this.#unreachable(reasonOf(error.description) ?? error.message);
  }

  #unreachable(reason: string): void {
    this.end(new Failure('unreachable', `cannot reach ${this.#origin}: ${reason}`));
  }

  #retryLater(work: () => void): void {
    setTimeout(() => {
      if (!this.hasEnded) work();
    }, PAUSE_MS);
  }
}

/** What a failed connection says of itself, in the words of the system. */
const reasonOf = (description: unknown): string | undefined => {
  const { message } = (description ?? {}) as { message?: unknown };
  return typeof message === 'string' && message ? message : undefined;
};
