import type { SessionSignal } from '@playhead/contract';
import { limits } from './limits.ts';
import type { Link } from './link.ts';

/** Who types in a session, as far as others tell it, and what they are told of this client. */
export class Typists {
  /** By name, in order; the same array until somebody begins or ends. */
  who: readonly string[] = [];
  readonly #expiries = new Map<string, ReturnType<typeof setTimeout>>();
  #toldAtMs: number | undefined;

  /** `changed` is called whenever `who` is another. */
  constructor(
    private readonly link: Link,
    private readonly sessionId: string,
    private readonly changed: () => void,
  ) {
    link.socket.on('session:signal', this.#hear);
  }

  /** Tells the others; what they know already only before it expires. */
  tell(isTyping: boolean): void {
    const now = Date.now();
    const isKnown = this.#toldAtMs !== undefined && now - this.#toldAtMs < limits.typingAgainMs;
    if (isTyping ? isKnown : this.#toldAtMs === undefined) return;
    this.#toldAtMs = isTyping ? now : undefined;
    const signal = { sessionId: this.sessionId, kind: 'typing' as const, active: isTyping };
    this.link.socket.emit('signal', signal, () => undefined);
  }

  stop(): void {
    this.link.socket.off('session:signal', this.#hear);
    for (const expiry of this.#expiries.values()) clearTimeout(expiry);
    this.#expiries.clear();
    this.#show();
  }

  readonly #hear = ({ sessionId, kind, from, expiresInMs }: SessionSignal): void => {
    if (sessionId !== this.sessionId || kind !== 'typing') return;
    clearTimeout(this.#expiries.get(from));
    this.#expiries.delete(from);
    if (expiresInMs > 0) {
      // A node that dies takes nothing back.
      const expiry = setTimeout(() => {
        this.#expiries.delete(from);
        this.#show();
      }, expiresInMs);
      this.#expiries.set(from, expiry);
    }
    this.#show();
  };

  #show(): void {
    const who = [...this.#expiries.keys()].sort();
    if (who.length === this.who.length && who.every((one, nth) => one === this.who[nth])) return;
    this.who = who;
    this.changed();
  }
}
