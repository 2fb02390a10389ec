import {
  evolveConsole,
  type ConsoleBehind,
  type ConsoleClosed,
  type ConsoleFrame,
  type ConsoleList,
  type ConsoleOpen,
} from '@playhead/contract';
import type { ViewerSocket } from './service.ts';

/** The list as a client keeps it over cuts of its connection. */
export class ConsoleViewerClient {
  list: ConsoleList | undefined;
  readonly frames: ConsoleFrame[] = [];
  /** Why the service ended the console, as often as it did. */
  readonly closed: ConsoleClosed[] = [];
  /** Where it was too slow, as often as it was. */
  readonly behind: ConsoleBehind[] = [];
  #socket: ViewerSocket | undefined;

  constructor(private readonly connect: () => ViewerSocket) {}

  /** Opens it on a new connection: at first the list, then what has changed since. */
  async open(request: ConsoleOpen = {}): Promise<void> {
    const socket = this.connect();
    this.#socket = socket;
    socket.on('console:events', (frame) => {
      expect(frame.from).toBe(this.list?.position);
      this.frames.push(frame);
      this.list = this.list && evolveConsole(this.list, frame);
    });
    socket.on('console:behind', (behind) => {
      expect(behind.position).toBe(this.list?.position);
      this.behind.push(behind);
    });
    socket.on('console:closed', (closed) => this.closed.push(closed));
    const at = this.list && { after: this.list.position, epoch: this.list.epoch };
    const answer = await new Promise<boolean>((resolve, reject) => {
      socket.emit('console:open', { ...request, ...at }, (opened) => {
        if (!opened.ok) {
          reject(new Error(opened.message));
          return;
        }
        const { position, epoch, sessions = this.list?.sessions ?? [] } = opened;
        this.list = { position, epoch, sessions };
        resolve(true);
      });
    });
    expect(answer).toBe(true);
  }

  /** Cuts the connection. */
  cut(): void {
    this.#socket?.disconnect();
  }

  /** What the list over HTTP says as well. */
  summary(): unknown[] {
    return (this.list?.sessions ?? []).map(({ sessionId, status, name, counted }) => ({
      id: sessionId,
      status,
      name,
      messages: counted.messages,
    }));
  }
}
