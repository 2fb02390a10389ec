import type { ConsoleFrame, SessionEvent } from '@playhead/contract';
import { Failure } from './failure.ts';
import { ANSWER_MS, ReconnectingSocket } from './reconnecting-socket.ts';
import type { ServiceOptions } from './service.ts';

/**
 * Shows the events of all sessions from now on, in the order of the log, each once, however often
 * the connection is cut. Resolves on the signal. Throws `Failure`: `unreachable`, or `refused`,
 * also when the log no longer has the place where it was cut off.
 */
export function tailAll(
  service: ServiceOptions,
  show: (event: SessionEvent) => void,
  stop: AbortSignal,
): Promise<void> {
  return new ConsoleTail(service, show, stop).link.over;
}

/** The console on one socket that comes back; of the list only the cursor is kept. */
class ConsoleTail {
  readonly link: ReconnectingSocket;
  #cursor: { readonly after: string; readonly epoch: string } | undefined;

  constructor(
    service: ServiceOptions,
    private readonly show: (event: SessionEvent) => void,
    stop: AbortSignal,
  ) {
    const open = (): void => this.#open();
    this.link = new ReconnectingSocket(service, { reconnectsMax: Infinity, stop, open });
    const { socket } = this.link;
    socket.on('console:events', (frame) => this.#take(frame));
    socket.on('console:closed', (closed) => this.link.refused(closed, open));
  }

  #open(): void {
    const { link } = this;
    if (!link.socket.connected) return;
    const request = { events: true, ...this.#cursor };
    link.socket.timeout(ANSWER_MS).emit('console:open', request, (silence, answer) => {
      if (silence) {
        if (link.socket.connected) link.startOver();
      } else if (answer.ok) {
        this.#cursor = { after: answer.position, epoch: answer.epoch };
      } else if (answer.code === 'cursor-unknown') {
        // To go on from now would be a hole, which whoever reads this could not see.
        const message = `cannot go on where it was cut off: ${answer.message}`;
        link.end(new Failure('refused', message, answer));
      } else {
        link.refused(answer, () => this.#open());
      }
    });
  }

  #take({ from, through, events }: ConsoleFrame): void {
    const { link } = this;
    if (link.isOver || !this.#cursor) return;
    if (from !== this.#cursor.after) {
      link.startOver();
      return;
    }
    for (const event of events ?? []) this.show(event);
    this.#cursor = { ...this.#cursor, after: through };
  }
}
