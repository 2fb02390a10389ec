import type { SessionSignal } from '@playhead/contract';
import { limits } from '../limits.ts';
import type { Connection } from '../connection.ts';

/** Who types in a session, and the typing signals of this client. */
export class TypingIndicators {
  /** By name, in order; the same array until somebody begins or ends. */
  who: readonly string[] = [];
  readonly #expiries = new Map<string, ReturnType<typeof setTimeout>>();
  #sentAtMs: number | undefined;

  /** `changed` is called whenever `who` is another. */
  constructor(
    private readonly connection: Connection,
    private readonly sessionId: string,
    private readonly changed: () => void,
  ) {
    connection.socket.on('session:signal', this.#receive);
  }

  /** Sends a signal when it changes, and again before it expires. */
  send(isTyping: boolean): void {
    const now = Date.now();
    const isKnown = this.#sentAtMs !== undefined && now - this.#sentAtMs < limits.typingAgainMs;
    if (isTyping ? isKnown : this.#sentAtMs === undefined) return;
    this.#sentAtMs = isTyping ? now : undefined;
    const signal = { sessionId: this.sessionId, kind: 'typing' as const, active: isTyping };
    this.connection.socket.emit('signal', signal, () => undefined);
  }

  stop(): void {
    this.connection.socket.off('session:signal', this.#receive);
    for (const expiry of this.#expiries.values()) clearTimeout(expiry);
    this.#expiries.clear();
    this.#update();
  }

  readonly #receive = ({ sessionId, kind, from, expiresInMs }: SessionSignal): void => {
    if (sessionId !== this.sessionId || kind !== 'typing') return;
    clearTimeout(this.#expiries.get(from));
    this.#expiries.delete(from);
    if (expiresInMs > 0) {
      // A node that dies takes nothing back.
      const expiry = setTimeout(() => {
        this.#expiries.delete(from);
        this.#update();
      }, expiresInMs);
      this.#expiries.set(from, expiry);
    }
    this.#update();
  };

  #update(): void {
    const who = [...this.#expiries.keys()].sort();
    if (who.length === this.who.length && who.every((one, index) => one === this.who[index]))
      return;
    this.who = who;
    this.changed();
  }
}
