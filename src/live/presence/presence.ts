import type { SessionPresence } from '@playhead/contract';
import type { Nodes } from '../../nodes/nodes.ts';
import { RemotePresence } from './remote-presence.ts';
import { PresenceBroadcast } from './presence-broadcast.ts';

/** How often presence is sent, and of how many, as `limits.ts` has it. */
export interface PresenceLimits {
  /** The least time between two announcements of one session, to viewers and to other nodes. */
  readonly presenceIntervalMs: number;
  /** How many viewers are named. */
  readonly presenceViewersMax: number;
  /** How often a node is asked for what of it was lost. */
  readonly nodeHeartbeatMs: number;
}

interface SessionViewers {
  /** Sockets of each viewer. */
  readonly sockets: Map<string, number>;
  isChanged: boolean;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Who has which session open, on this node and on the others; its viewers here are sent when it
 * changes, but not at every change.
 */
export class Presence {
  readonly #sessions = new Map<string, SessionViewers>();
  readonly #remote: RemotePresence;
  readonly #broadcast: PresenceBroadcast;
  readonly #unlisten: () => void;
  readonly #asking: NodeJS.Timeout;

  constructor(
    private readonly limits: PresenceLimits,
    private readonly nodes: Nodes,
    private readonly announce: (presence: SessionPresence) => void,
  ) {
    this.#remote = new RemotePresence((sessionId) => {
      const session = this.#sessions.get(sessionId);
      if (session) this.#changed(sessionId, session);
    });
    this.#broadcast = new PresenceBroadcast(nodes, limits.presenceIntervalMs, {
      sessions: () => this.#sessions.keys(),
      of: (sessionId) => this.#here(sessionId),
    });
    this.#unlisten = this.#listen();
    this.#asking = setInterval(() => {
      for (const node of this.#remote.incomplete) nodes.send({ type: 'ask', node });
    }, limits.nodeHeartbeatMs);
  }

  /** A viewer's socket opened the session. */
  enter(sessionId: string, viewer: string): void {
    const session = this.#sessions.get(sessionId) ?? {
      sockets: new Map<string, number>(),
      isChanged: false,
      timer: undefined,
    };
    this.#sessions.set(sessionId, session);
    session.sockets.set(viewer, (session.sockets.get(viewer) ?? 0) + 1);
    this.#changedHere(sessionId, session);
  }

  /** One of the viewer's sockets no longer has it open. */
  leave(sessionId: string, viewer: string): void {
    const session = this.#sessions.get(sessionId);
    if (!session) return;
    const left = (session.sockets.get(viewer) ?? 0) - 1;
    if (left > 0) session.sockets.set(viewer, left);
    else session.sockets.delete(viewer);
    this.#changedHere(sessionId, session);
  }

  /** Who has the session open now. */
  of(sessionId: string): SessionPresence {
    const parts = [this.#here(sessionId), ...this.#remote.of(sessionId)];
    return this.#together(sessionId, parts);
  }

  /** Nothing is sent from now on, and nobody is here. */
  stop(): void {
    clearInterval(this.#asking);
    this.#unlisten();
    this.#broadcast.stop();
    for (const { timer } of this.#sessions.values()) clearTimeout(timer);
    this.#sessions.clear();
  }

  #listen(): () => void {
    return this.nodes.listen({
      received: (node, message) => {
        if (message.type === 'presence') this.#remote.received(node, message.presence);
        else if (message.type === 'state') this.#remote[message.at](node);
        else if (message.type === 'ask' && message.node === this.nodes.id)
          this.#broadcast.sendAll();
      },
      arrived: (node) => {
        this.#remote.arrived(node);
        this.#broadcast.sendAll();
      },
      missed: (node) => this.#remote.missed(node),
      gone: (node) => this.#remote.gone(node),
    });
  }

  #here(sessionId: string): SessionPresence {
    const sockets = this.#sessions.get(sessionId)?.sockets ?? new Map<string, number>();
    const viewers = [...sockets].map(([id, count]) => ({ id, sockets: count }));
    const total = viewers.reduce((sum, one) => sum + one.sockets, 0);
    return this.#together(sessionId, [{ sessionId, total, viewers }]);
  }

  /** As each part names its first viewers by id, the first of all of them are among those named. */
  #together(sessionId: string, parts: readonly SessionPresence[]): SessionPresence {
    const sockets = new Map<string, number>();
    for (const { id, sockets: count } of parts.flatMap(({ viewers }) => viewers)) {
      sockets.set(id, (sockets.get(id) ?? 0) + count);
    }
    return {
      sessionId,
      total: parts.reduce((sum, { total }) => sum + total, 0),
      viewers: [...sockets]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, this.limits.presenceViewersMax)
        .map(([id, count]) => ({ id, sockets: count })),
    };
  }

  #changedHere(sessionId: string, session: SessionViewers): void {
    this.#broadcast.changed(sessionId);
    this.#changed(sessionId, session);
  }

  #changed(sessionId: string, session: SessionViewers): void {
    session.isChanged = true;
    // At once, but behind what this turn of the loop sends: an opener has its answer first.
    if (!session.timer) this.#wait(sessionId, session, 0);
  }

  #wait(sessionId: string, session: SessionViewers, ms: number): void {
    session.timer = setTimeout(() => {
      session.timer = undefined;
      if (session.isChanged) {
        session.isChanged = false;
        if (session.sockets.size > 0) this.announce(this.of(sessionId));
        this.#wait(sessionId, session, this.limits.presenceIntervalMs);
      } else if (session.sockets.size === 0) this.#sessions.delete(sessionId);
    }, ms);
    session.timer.unref();
  }
}
