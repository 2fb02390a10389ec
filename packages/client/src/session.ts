import type {
  CommandAnswer,
  CommandInput,
  CommandType,
  OpenView,
  Refusal,
} from '@playhead/contract';
import type { Commands } from './commands.ts';
import { Events } from './events.ts';
import { Followed } from './followed.ts';
import type { Cursor } from './following/following.ts';
import { statusOf, type FollowingStatus } from './following/status.ts';
import type { Link } from './link.ts';

/** What can be seen of a session at one moment; never changed, a new one after each change. */
export interface SessionSnapshot {
  /** Undefined until there is one, and after a reset until there is a new one. */
  readonly view: OpenView | undefined;
  /** Of the last event in the view; -1 while there is none. */
  readonly revision: number;
  readonly status: FollowingStatus;
  /** Why it is closed; undefined when it was closed by its user. */
  readonly refusal: Refusal | undefined;
  /** How often the log turned out to be another one, so that the view began anew. */
  readonly resets: number;
}

/** One session, followed through cuts, crashes and updates of the service until it is closed. */
export class Session {
  /**
   * Each event exactly once, in order, from where the session was opened. Who is slow loses
   * nothing: beyond a bound (`limits.eventsBufferedMax`) events are read again when they are asked
   * for. An iteration ends when the session is closed. It throws `RefusedError` when the service
   * closes it for good; and with the code `cursor-unknown` when the log no longer has what was
   * read, after which another iteration begins at the new view.
   */
  readonly events: Events;
  readonly #followed: Followed;
  readonly #listeners = new Set<() => void>();
  #snapshot: SessionSnapshot;

  constructor(
    readonly id: string,
    private readonly link: Link,
    private readonly commands: Commands,
    origin: Cursor | undefined,
  ) {
    this.#followed = new Followed(link, id, origin, () => this.#changed());
    this.#snapshot = this.#look();
    this.events = new Events(this.#followed);
    this.#followed.start();
  }

  get snapshot(): SessionSnapshot {
    return this.#snapshot;
  }

  get view(): OpenView | undefined {
    return this.#snapshot.view;
  }

  get revision(): number {
    return this.#snapshot.revision;
  }

  get status(): FollowingStatus {
    return this.#snapshot.status;
  }

  get refusal(): Refusal | undefined {
    return this.#snapshot.refusal;
  }

  get resets(): number {
    return this.#snapshot.resets;
  }

  /** Calls the listener after each change of the snapshot; answers the way to stop that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  /**
   * Asks for something. The command has its effect once, however often it has to be sent; it waits
   * while there is no connection. Commands may overtake each other: who needs an order awaits each.
   * Rejects with `RefusedError`; `overloaded` when too many wait (`limits.commandsMax`).
   */
  command<Type extends CommandType>(type: Type, data: CommandInput<Type>): Promise<CommandAnswer> {
    return this.commands.ask({ sessionId: this.id, type, data });
  }

  /** Tells the others whether somebody types here. It is stored nowhere, and lost while cut off. */
  typing(isTyping: boolean): void {
    if (!this.link.isConnected || this.#followed.state.phase.is !== 'open') return;
    const signal = { sessionId: this.id, kind: 'typing' as const, active: isTyping };
    this.link.socket.emit('signal', signal, () => undefined);
  }

  /** Follows it no longer. Commands that wait for their answers are sent all the same. */
  close(): void {
    if (this.status === 'closed') return;
    this.#followed.end();
    if (this.link.isConnected) {
      this.link.socket.emit('session:close', { sessionId: this.id }, () => undefined);
    }
  }

  #look(): SessionSnapshot {
    const { state } = this.#followed;
    return {
      view: state.view,
      revision: state.cursor?.revision ?? -1,
      status: statusOf(state),
      refusal: state.phase.is === 'closed' ? state.phase.refusal : undefined,
      resets: state.resets,
    };
  }

  #changed(): void {
    const seen = this.#look();
    const held = this.#snapshot;
    const keys = Object.keys(seen) as (keyof SessionSnapshot)[];
    if (keys.every((key) => seen[key] === held[key])) return;
    this.#snapshot = seen;
    for (const listener of [...this.#listeners]) call(listener);
  }
}

/** What a listener throws is its own: others, and what follows the session, do not suffer. */
function call(listener: () => void): void {
  try {
    listener();
  } catch (failure) {
    queueMicrotask(() => {
      throw failure;
    });
  }
}
