import {
  refusal,
  type ClientToServer,
  type Refusal,
  type ServerToClient,
  type SessionEvent,
  type SessionFrame,
} from '@playhead/contract';
import { io, type Socket } from 'socket.io-client';
import { Failure } from './failure.ts';
import { keyIn, type ServiceOptions } from './service.ts';

const ANSWER_MS = 10_000;
const PAUSE_MS = 500;
const RECONNECT_MS_MAX = 2_000;
/** About a minute of being cut off; who follows waits for ever. */
const RECONNECTS_MAX = 30;

/** Which events to show. */
export interface TailOptions {
  readonly sessionId: string;
  /** Revision of the last event that is not shown. */
  readonly after: number;
  /** Whether to wait for more at the end. */
  readonly follow: boolean;
  show(event: SessionEvent): void;
}

/**
 * Shows a session's events in order, each once, however often the connection is cut. Resolves at
 * the end of what there is or, when it follows, on the signal. Throws `Failure`: `unreachable` or
 * `refused`.
 */
export function tailSession(
  service: ServiceOptions,
  options: TailOptions,
  stop: AbortSignal,
): Promise<void> {
  const { origin } = new URL(service.url);
  const socket: TailSocket = io(origin, {
    transports: ['websocket'],
    auth: { token: keyIn(service) },
    reconnectionDelayMax: RECONNECT_MS_MAX,
    reconnectionAttempts: options.follow ? Infinity : RECONNECTS_MAX,
  });
  const tail = new SessionTail(socket, origin, options);
  stop.addEventListener('abort', () => tail.end());
  return tail.over;
}

type TailSocket = Socket<ServerToClient, ClientToServer>;

/** One session on one socket that comes back. The cursor is all that has to be remembered. */
class SessionTail {
  readonly over: Promise<void>;
  #revision: number;
  #eventId: string | null = null;
  #wasConnected = false;
  #isOver = false;
  #settle: (failure?: Failure) => void = () => undefined;

  constructor(
    private readonly socket: TailSocket,
    private readonly origin: string,
    private readonly options: TailOptions,
  ) {
    this.#revision = options.after;
    this.over = new Promise((resolve, reject) => {
      this.#settle = (failure) => (failure ? reject(failure) : resolve());
    });
    socket.on('connect', () => {
      this.#wasConnected = true;
      this.#open();
    });
    socket.on('session:events', (frame) => this.#take(frame));
    socket.on('session:closed', (closed) => this.#refused(closed, () => this.#open()));
    socket.on('refused', (refused) => this.#refused(refused, () => undefined));
    socket.on('connect_error', (error) => this.#cannotConnect(error));
    socket.on('disconnect', () => {
      // Whom the service disconnects does not come back by itself.
      if (!socket.active) this.#later(() => socket.connect());
    });
    socket.io.on('reconnect_failed', () => this.#unreachable('it does not come back'));
  }

  end(failure?: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.socket.disconnect();
    this.#settle(failure);
  }

  #open(): void {
    const { socket, options } = this;
    if (!socket.connected) return;
    const afterId = this.#eventId === null ? {} : { afterId: this.#eventId };
    const request = { sessionId: options.sessionId, after: this.#revision, ...afterId };
    socket.timeout(ANSWER_MS).emit('session:open', request, (silence, answer) => {
      if (silence) {
        if (socket.connected) this.#startOver();
      } else if (answer.ok) {
        this.#eventId = answer.eventId;
      } else {
        this.#refused(answer, () => this.#open());
      }
    });
  }

  #take({ sessionId, from, through, events, caughtUp }: SessionFrame): void {
    const { options } = this;
    if (this.#isOver || sessionId !== options.sessionId) return;
    if (from !== this.#revision + 1) {
      this.#startOver();
      return;
    }
    for (const event of events) options.show(event);
    const last = events.at(-1);
    if (last) this.#eventId = last.revision === through ? last.id : null;
    this.#revision = through;
    if (caughtUp && !options.follow) this.end();
  }

  /** With a new connection, from the cursor. */
  #startOver(): void {
    this.socket.disconnect();
    this.#later(() => this.socket.connect());
  }

  #cannotConnect(error: Error & { readonly data?: unknown; readonly description?: unknown }): void {
    const refused = refusal.safeParse(error.data);
    if (refused.success) this.#refused(refused.data, () => this.socket.connect());
    else if (!this.#wasConnected) this.#unreachable(reasonOf(error.description) ?? error.message);
  }

  #unreachable(reason: string): void {
    this.end(new Failure('unreachable', `cannot reach ${this.origin}: ${reason}`));
  }

  #refused(refused: Refusal, again: () => void): void {
    if (refused.retry) this.#later(again);
    else this.end(new Failure('refused', refused.message, refused));
  }

  #later(work: () => void): void {
    setTimeout(() => {
      if (!this.#isOver) work();
    }, PAUSE_MS);
  }
}

/** What a failed connection says of itself, in the words of the system. */
const reasonOf = (description: unknown): string | undefined => {
  const { message } = (description ?? {}) as { message?: unknown };
  return typeof message === 'string' && message ? message : undefined;
};
