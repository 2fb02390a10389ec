import {
  sessionRoom,
  type ClientToServer,
  type ServerToClient,
  type SessionPresence,
  type SessionSignal,
} from '@playhead/contract';
import type { Server } from 'socket.io';
import type { WriteBuffer } from './write-buffer.ts';

/**
 * What this node's viewers of a session are sent beside its events. A viewer who is behind with
 * those does without signals and gets presence later, as it is then: none may cost it the session.
 */
export class RoomBroadcasts {
  /** Presence that is sent later, by socket and session. */
  readonly #owed = new Set<string>();

  constructor(
    private readonly server: Server<ClientToServer, ServerToClient>,
    private readonly writeBufferOf: (socketId: string) => WriteBuffer | undefined,
  ) {}

  /** Whether anybody here has the session open. */
  hasMembers(sessionId: string): boolean {
    return this.#members(sessionId).size > 0;
  }

  /** Sends a signal to all sockets but the one it is from. */
  signal(signal: SessionSignal, fromSocketId?: string): void {
    const without = this.#behind(signal.sessionId);
    if (fromSocketId !== undefined) without.push(fromSocketId);
    this.#to(signal.sessionId, without).emit('session:signal', signal);
  }

  /** Sends who has a session open; `now` answers that at the moment it is called. */
  presence(presence: SessionPresence, now: (sessionId: string) => SessionPresence): void {
    const { sessionId } = presence;
    const behind = this.#behind(sessionId);
    this.#to(sessionId, behind).emit('session:presence', presence);
    for (const socketId of behind) {
      const debt = `${socketId} ${sessionId}`;
      if (this.#owed.has(debt)) continue;
      this.#owed.add(debt);
      void this.writeBufferOf(socketId)?.whenDrained(() => {
        this.#owed.delete(debt);
        if (!this.#members(sessionId).has(socketId)) return;
        this.server.sockets.sockets.get(socketId)?.emit('session:presence', now(sessionId));
      });
    }
  }

  /** Only this node's sockets: others get it from theirs. Encoded once however many there are. */
  #to(sessionId: string, without: readonly string[]) {
    return this.server.local.to(sessionRoom(sessionId)).except([...without]);
  }

  #behind(sessionId: string): string[] {
    return [...this.#members(sessionId)].filter(
      (socketId) => this.writeBufferOf(socketId)?.isBehind,
    );
  }

  #members(sessionId: string): ReadonlySet<string> {
    return this.server.sockets.adapter.rooms.get(sessionRoom(sessionId)) ?? new Set();
  }
}
