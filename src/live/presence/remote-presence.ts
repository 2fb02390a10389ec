import type { SessionPresence } from '@playhead/contract';

/** What one other node has said. */
interface RemoteNode {
  /** Its own viewers of a session, and in which telling of its whole state it last said so. */
  readonly sessions: Map<string, { readonly presence: SessionPresence; readonly sent: number }>;
  telling: number;
  /** Nothing was lost since the telling under way began. */
  isTelling: boolean;
  /** Everything it has is known. */
  isWhole: boolean;
}

/** Who has which session open on the other nodes, as far as they have sent. */
export class RemotePresence {
  readonly #nodes = new Map<string, RemoteNode>();

  /** `changed` is called with sessions of which something else is known now. */
  constructor(private readonly changed: (sessionId: string) => void) {}

  /** Each node's part of a session's presence. */
  of(sessionId: string): SessionPresence[] {
    return [...this.#nodes.values()].flatMap(({ sessions }) => {
      const known = sessions.get(sessionId);
      return known ? [known.presence] : [];
    });
  }

  /** Nodes of which something may not be known. */
  get incomplete(): string[] {
    return [...this.#nodes].filter(([, { isWhole }]) => !isWhole).map(([node]) => node);
  }

  arrived(node: string): void {
    const [isTelling, isWhole] = [false, false];
    this.#nodes.set(node, { sessions: new Map(), telling: 0, isTelling, isWhole });
  }

  missed(node: string): void {
    const known = this.#nodes.get(node);
    if (!known) return;
    known.isTelling = false;
    known.isWhole = false;
  }

  gone(node: string): void {
    const known = this.#nodes.get(node);
    this.#nodes.delete(node);
    for (const sessionId of known?.sessions.keys() ?? []) this.changed(sessionId);
  }

  /** A node says how many viewers it has itself of a session. */
  received(node: string, presence: SessionPresence): void {
    const known = this.#nodes.get(node);
    if (!known) return;
    const { sessionId, total } = presence;
    const before = known.sessions.get(sessionId)?.presence;
    if (total > 0) known.sessions.set(sessionId, { presence, sent: known.telling });
    else known.sessions.delete(sessionId);
    if (JSON.stringify(before) !== JSON.stringify(presence)) this.changed(sessionId);
  }

  /** A node tells everything it has, from here */
  begins(node: string): void {
    const known = this.#nodes.get(node);
    if (!known) return;
    known.telling += 1;
    known.isTelling = true;
  }

  /** to here: what it had before and has not named in between, it has no more. */
  ends(node: string): void {
    const known = this.#nodes.get(node);
    if (!known?.isTelling) return;
    known.isTelling = false;
    known.isWhole = true;
    for (const [sessionId, { sent }] of known.sessions) {
      if (sent === known.telling) continue;
      known.sessions.delete(sessionId);
      this.changed(sessionId);
    }
  }
}
