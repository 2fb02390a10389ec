import type { SessionPresence } from '@playhead/contract';
import type { Nodes } from '../../nodes/nodes.ts';

/** Named viewers of one session, as JSON: the message must fit what nodes can send. */
const VIEWERS_BYTES_MAX = 5_000;

/** What this node has itself. */
export interface LocalPresence {
  sessions(): Iterable<string>;
  of(sessionId: string): SessionPresence;
}

/**
 * Tells other nodes who has which session open here: what changed, each session at most once in a
 * while however often it changes, and everything to who does not have it.
 */
export class PresenceBroadcast {
  readonly #due = new Set<string>();
  #full: 'sent' | 'due' | 'telling' = 'sent';
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly nodes: Nodes,
    private readonly everyMs: number,
    private readonly own: LocalPresence,
  ) {}

  changed(sessionId: string): void {
    // Who comes later is sent everything.
    if (this.nodes.others === 0) return;
    this.#due.add(sessionId);
    this.#timer ??= setTimeout(() => this.#flush(), 0);
  }

  /** A node does not know what this one has. */
  sendAll(): void {
    // Whoever asks while it is sent has missed a part, or has it soon; it asks again if it must.
    if (this.#full === 'sent') this.#full = 'due';
    this.#timer ??= setTimeout(() => this.#flush(), 0);
  }

  /** This node has nothing from now on. */
  stop(): void {
    clearTimeout(this.#timer);
    this.nodes.send({ type: 'state', at: 'begins' });
    this.nodes.send({ type: 'state', at: 'ends' });
  }

  /** What finds no place now stays due. */
  #flush(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#due.size > 0 || this.#full !== 'sent') this.#flush();
    }, this.everyMs);
    if (this.nodes.others === 0) {
      this.#due.clear();
      this.#full = 'sent';
      return;
    }
    if (this.#full === 'due') {
      if (!this.nodes.send({ type: 'state', at: 'begins' })) return;
      this.#full = 'telling';
      for (const sessionId of this.own.sessions()) this.#due.add(sessionId);
    }
    for (const sessionId of this.#due) {
      const presence = within(this.own.of(sessionId));
      if (!this.nodes.send({ type: 'presence', presence })) return;
      this.#due.delete(sessionId);
    }
    if (this.#full === 'sent' || !this.nodes.send({ type: 'state', at: 'ends' })) return;
    this.#full = 'sent';
  }
}

/** With as many of the named viewers as fit, the first ones; the total stays. */
function within(presence: SessionPresence): SessionPresence {
  let bytes = 0;
  const viewers = presence.viewers.filter((viewer) => {
    bytes += Buffer.byteLength(JSON.stringify(viewer)) + 1;
    return bytes <= VIEWERS_BYTES_MAX;
  });
  return { ...presence, viewers };
}
