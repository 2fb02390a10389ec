import type {
  Refused,
  SessionClosed,
  SessionFrame,
  SessionOpen,
  SessionOpened,
} from '@playhead/contract';
import type { ClientSocket } from './gateway.ts';

/**
 * Watches one session on a real socket: every frame as it came, and what must not happen between
 * them, such as a hole, a double or a frame before the answer.
 */
export class ReconnectingViewer {
  readonly frames: SessionFrame[] = [];
  readonly closed: SessionClosed[] = [];
  readonly faults: string[] = [];
  opened: SessionOpened | undefined;
  #revision: number | undefined;
  #wake: () => void = () => undefined;

  constructor(
    readonly socket: ClientSocket,
    readonly sessionId: string,
  ) {
    socket.on('session:events', (frame) => {
      if (frame.sessionId === sessionId) this.#receive(frame);
    });
    socket.on('session:closed', (closed) => {
      if (closed.sessionId !== sessionId) return;
      this.closed.push(closed);
      if (closed.revision !== this.#revision) {
        this.faults.push(`closed at ${closed.revision}, holding ${this.#revision}`);
      }
      this.#revision = undefined;
      this.#wake();
    });
  }

  /** Of the last event that came, or that was asked for. */
  get revision(): number {
    return this.#revision ?? -1;
  }

  /** The events in order of arrival. */
  get events() {
    return this.frames.flatMap(({ events }) => events);
  }

  /** Resolves with the answer, as soon as it is there. */
  async open(at: Omit<SessionOpen, 'sessionId'> = {}): Promise<SessionOpened | Refused> {
    const answer = await new Promise<SessionOpened | Refused>((resolve) => {
      const { sessionId } = this;
      this.socket.emit('session:open', { sessionId, ...at }, (got) => {
        if (got.ok) {
          this.opened = got;
          this.#revision = got.revision;
        }
        resolve(got);
      });
    });
    return answer;
  }

  /** Resolves once everything up to a revision has come and the replay is over. */
  async through(revision: number): Promise<void> {
    await this.#until(() => this.revision >= revision && this.isCaughtUp);
  }

  /** Resolves once the service has ended it. */
  async end(): Promise<SessionClosed> {
    await this.#until(() => this.closed.length > 0);
    return this.closed[0]!;
  }

  get isCaughtUp(): boolean {
    return this.frames.some(({ caughtUp }) => caughtUp);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  #receive(frame: SessionFrame): void {
    const { from, through, events } = frame;
    this.frames.push(frame);
    if (this.#revision === undefined) this.faults.push(`from ${from} though nothing is open`);
    else if (from !== this.#revision + 1) {
      this.faults.push(`holding ${this.#revision}, got from ${from}`);
    }
    const revisions = events.map((event) => event.revision);
    const right = Array.from({ length: through - from + 1 }, (_, nth) => from + nth);
    if (revisions.join() !== right.join()) this.faults.push(`${from} to ${through} is torn`);
    if (events.some(({ sessionId }) => sessionId !== this.sessionId))
      this.faults.push('a stranger');
    this.#revision = through;
    this.#wake();
  }
}
