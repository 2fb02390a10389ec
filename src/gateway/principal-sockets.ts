import type { ViewerSocket } from './open-sessions.ts';

/** Which sockets each principal has, from admission until they are gone. */
export class PrincipalSockets {
  readonly #sockets = new Map<string, Set<ViewerSocket>>();

  /** `max` bounds the sockets of one principal. */
  constructor(private readonly max: number) {}

  /** The principals that have sockets. */
  get principals(): string[] {
    return [...this.#sockets.keys()];
  }

  of(principalId: string): readonly ViewerSocket[] {
    return [...(this.#sockets.get(principalId) ?? [])];
  }

  /**
   * Counts a socket until it is gone; false when there are as many already. It is counted before it
   * is let in: sockets that come at the same time would otherwise not see each other.
   */
  add(principalId: string, socket: ViewerSocket): boolean {
    const sockets = this.#sockets.get(principalId) ?? new Set();
    if (sockets.size >= this.max) return false;
    // Nothing would tell the end of a connection that is over already.
    if (socket.conn.readyState !== 'open') return true;
    this.#sockets.set(principalId, sockets.add(socket));
    const remove = (): void => {
      sockets.delete(socket);
      if (sockets.size === 0 && this.#sockets.get(principalId) === sockets) {
        this.#sockets.delete(principalId);
      }
    };
    // The first for a socket that leaves its connection open, the second for one never let in.
    socket.once('disconnect', remove);
    socket.conn.once('close', remove);
    return true;
  }
}
