import type { ConsoleFrame, SessionEvent } from '@playhead/contract';
import { Failure } from './failure.ts';
import { ANSWER_MS, ReconnectingSocket } from './reconnecting-socket.ts';
import type { ServiceOptions } from './service.ts';

/**
 * Shows the events of all sessions from now on, in the order of the log, each once, however often
 * the connection is lost. Resolves on the signal. Throws `Failure`: `unreachable`, or `refused`,
 * also when the log no longer has the cursor.
 */
export function tailAll(
  service: ServiceOptions,
  show: (event: SessionEvent) => void,
  stop: AbortSignal,
): Promise<void> {
  return new ConsoleTail(service, show, stop).connection.ended;
}

/** The console on one socket that reconnects; of the list only the cursor is kept. */
class ConsoleTail {
  readonly connection: ReconnectingSocket;
  #cursor: { readonly after: string; readonly epoch: string } | undefined;

  constructor(
    service: ServiceOptions,
    private readonly show: (event: SessionEvent) => void,
    stop: AbortSignal,
  ) {
    const open = (): void => this.#open();
    this.connection = new ReconnectingSocket(service, { reconnectsMax: Infinity, stop, open });
    const { socket } = this.connection;
    socket.on('console:events', (frame) => this.#receive(frame));
    socket.on('console:closed', (closed) => this.connection.refused(closed, open));
  }

  #open(): void {
    const { connection } = this;
    if (!connection.socket.connected) return;
    const request = { events: true, ...this.#cursor };
    connection.socket.timeout(ANSWER_MS).emit('console:open', request, (isTimeout, answer) => {
      if (isTimeout) {
        if (connection.socket.connected) connection.reconnect();
      } else if (answer.ok) {
        this.#cursor = { after: answer.position, epoch: answer.epoch };
      } else if (answer.code === 'cursor-unknown') {
        // Going on from now would leave a gap that nobody could see in the output.
        const message = `cannot resume where the connection was lost: ${answer.message}`;
        connection.end(new Failure('refused', message, answer));
      } else {
        connection.refused(answer, () => this.#open());
      }
    });
  }

  #receive({ from, through, events }: ConsoleFrame): void {
    const { connection } = this;
    if (connection.hasEnded || !this.#cursor) return;
    if (from !== this.#cursor.after) {
      connection.reconnect();
      return;
    }
    for (const event of events ?? []) this.show(event);
    this.#cursor = { ...this.#cursor, after: through };
  }
}
