import type { SessionPresence } from '@playhead/contract';

/** How often presence is told, and of how many, as `config.ts` has it. */
export interface PresenceLimits {
  /** The least time between two announcements of one session. */
  readonly presenceEveryMs: number;
  /** How many viewers are named. */
  readonly presenceViewersMax: number;
}

interface Watched {
  /** Sockets of each viewer. */
  readonly sockets: Map<string, number>;
  isChanged: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Who has which session open, told when it changes, but not at every change. */
export class Presence {
  readonly #sessions = new Map<string, Watched>();

  constructor(
    private readonly limits: PresenceLimits,
    private readonly announce: (presence: SessionPresence) => void,
  ) {}

  /** A viewer's socket opened the session. */
  enter(sessionId: string, viewer: string): void {
    const session = this.#sessions.get(sessionId) ?? {
      sockets: new Map<string, number>(),
      isChanged: false,
      timer: undefined,
    };
    this.#sessions.set(sessionId, session);
    session.sockets.set(viewer, (session.sockets.get(viewer) ?? 0) + 1);
    this.#changed(sessionId, session);
  }

  /** One of the viewer's sockets no longer has it open. */
  leave(sessionId: string, viewer: string): void {
    const session = this.#sessions.get(sessionId);
    if (!session) return;
    const left = (session.sockets.get(viewer) ?? 0) - 1;
    if (left > 0) session.sockets.set(viewer, left);
    else session.sockets.delete(viewer);
    this.#changed(sessionId, session);
  }

  /** Who has the session open now. */
  of(sessionId: string): SessionPresence {
    const sockets = this.#sessions.get(sessionId)?.sockets ?? new Map<string, number>();
    const all = [...sockets].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      sessionId,
      total: all.reduce((sum, [, count]) => sum + count, 0),
      viewers: all
        .slice(0, this.limits.presenceViewersMax)
        .map(([id, count]) => ({ id, sockets: count })),
    };
  }

  /** Nothing is told from now on. */
  stop(): void {
    for (const { timer } of this.#sessions.values()) clearTimeout(timer);
    this.#sessions.clear();
  }

  #changed(sessionId: string, session: Watched): void {
    session.isChanged = true;
    // At once, but behind what this turn of the loop sends: an opener has its answer first.
    if (!session.timer) this.#wait(sessionId, session, 0);
  }

  #wait(sessionId: string, session: Watched, ms: number): void {
    session.timer = setTimeout(() => {
      session.timer = undefined;
      if (session.isChanged) {
        session.isChanged = false;
        if (session.sockets.size > 0) this.announce(this.of(sessionId));
        this.#wait(sessionId, session, this.limits.presenceEveryMs);
      } else if (session.sockets.size === 0) this.#sessions.delete(sessionId);
    }, ms);
    session.timer.unref();
  }
}
