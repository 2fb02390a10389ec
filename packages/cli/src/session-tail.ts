import type { SessionEvent, SessionFrame } from '@playhead/contract';
import { ANSWER_MS, ReconnectingSocket } from './reconnecting-socket.ts';
import type { ServiceOptions } from './service.ts';

/** About a minute without a connection. With `follow` it reconnects for ever. */
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
 * Shows a session's events in order, each once, however often the connection is lost. Resolves at
 * the end of what there is or, when it follows, on the signal. Throws `Failure`: `unreachable` or
 * `refused`.
 */
export function tailSession(
  service: ServiceOptions,
  options: TailOptions,
  stop: AbortSignal,
): Promise<void> {
  return new SessionTail(service, options, stop).connection.ended;
}

/** One session on one socket that reconnects; only the cursor is kept. */
class SessionTail {
  readonly connection: ReconnectingSocket;
  #revision: number;
  #eventId: string | null = null;

  constructor(
    service: ServiceOptions,
    private readonly options: TailOptions,
    stop: AbortSignal,
  ) {
    this.#revision = options.after;
    const reconnectsMax = options.follow ? Infinity : RECONNECTS_MAX;
    this.connection = new ReconnectingSocket(service, {
      reconnectsMax,
      stop,
      open: () => this.#open(),
    });
    const { socket } = this.connection;
    socket.on('session:events', (frame) => this.#receive(frame));
    socket.on('session:closed', (closed) => this.connection.refused(closed, () => this.#open()));
  }

  #open(): void {
    const { connection, options } = this;
    if (!connection.socket.connected) return;
    const afterId = this.#eventId === null ? {} : { afterId: this.#eventId };
    const request = { sessionId: options.sessionId, after: this.#revision, ...afterId };
    connection.socket.timeout(ANSWER_MS).emit('session:open', request, (isTimeout, answer) => {
      if (isTimeout) {
        if (connection.socket.connected) connection.reconnect();
      } else if (answer.ok) {
        this.#eventId = answer.eventId;
      } else {
        connection.refused(answer, () => this.#open());
      }
    });
  }

  #receive({ sessionId, from, through, events, caughtUp }: SessionFrame): void {
    const { connection, options } = this;
    if (connection.hasEnded || sessionId !== options.sessionId) return;
    if (from !== this.#revision + 1) {
      connection.reconnect();
      return;
    }
    for (const event of events) options.show(event);
    const last = events.at(-1);
    if (last) this.#eventId = last.revision === through ? last.id : null;
    this.#revision = through;
    if (caughtUp && !options.follow) connection.end();
  }
}
