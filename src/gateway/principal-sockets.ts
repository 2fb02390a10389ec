import { Connections } from '../access/connections.ts';
import type { ViewerSocket } from './open-sessions.ts';

/** Which sockets each principal has, from admission until they are gone. */
export class PrincipalSockets {
  readonly #open: Connections<ViewerSocket>;

  /** `max` bounds the sockets of one principal. */
  constructor(max: number) {
    this.#open = new Connections(max);
  }

  /** The principals that have sockets. */
  get principals(): string[] {
    return this.#open.principals;
  }

  of(principalId: string): readonly ViewerSocket[] {
    return this.#open.of(principalId);
  }

  /**
   * Counts a socket until it is gone; false when there are as many already. It is counted before it
   * is let in: sockets that come at the same time would otherwise not see each other.
   */
  add(principalId: string, socket: ViewerSocket): boolean {
    // A connection that has ended already no longer reports its end.
    if (socket.conn.readyState !== 'open') return true;
    if (!this.#open.add(principalId, socket)) return false;
    const remove = (): void => this.#open.remove(principalId, socket);
    // The first for a socket that leaves its connection open, the second for one never let in.
    socket.once('disconnect', remove);
    socket.conn.once('close', remove);
    return true;
  }
}
