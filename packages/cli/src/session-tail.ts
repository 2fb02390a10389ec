import type { SessionEvent, SessionFrame } from '@playhead/contract';
import { ANSWER_MS, ReconnectingSocket } from './reconnecting-socket.ts';
import type { ServiceOptions } from './service.ts';

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
  return new SessionTail(service, options, stop).link.over;
}

/** One session on one socket that comes back. The cursor is all that has to be remembered. */
class SessionTail {
  readonly link: ReconnectingSocket;
  #revision: number;
  #eventId: string | null = null;

  constructor(
    service: ServiceOptions,
    private readonly options: TailOptions,
    stop: AbortSignal,
  ) {
    this.#revision = options.after;
    const reconnectsMax = options.follow ? Infinity : RECONNECTS_MAX;
    this.link = new ReconnectingSocket(service, { reconnectsMax, stop, open: () => this.#open() });
    const { socket } = this.link;
    socket.on('session:events', (frame) => this.#take(frame));
    socket.on('session:closed', (closed) => this.link.refused(closed, () => this.#open()));
  }

  #open(): void {
    const { link, options } = this;
    if (!link.socket.connected) return;
    const afterId = this.#eventId === null ? {} : { afterId: this.#eventId };
    const request = { sessionId: options.sessionId, after: this.#revision, ...afterId };
    link.socket.timeout(ANSWER_MS).emit('session:open', request, (silence, answer) => {
      if (silence) {
        if (link.socket.connected) link.startOver();
      } else if (answer.ok) {
        this.#eventId = answer.eventId;
      } else {
        link.refused(answer, () => this.#open());
      }
    });
  }

  #take({ sessionId, from, through, events, caughtUp }: SessionFrame): void {
    const { link, options } = this;
    if (link.isOver || sessionId !== options.sessionId) return;
    if (from !== this.#revision + 1) {
      link.startOver();
      return;
    }
    for (const event of events) options.show(event);
    const last = events.at(-1);
    if (last) this.#eventId = last.revision === through ? last.id : null;
    this.#revision = through;
    if (caughtUp && !options.follow) link.end();
  }
}
