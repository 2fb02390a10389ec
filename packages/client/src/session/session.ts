import type {
  CommandAnswer,
  CommandInput,
  CommandType,
  OpenView,
  Refusal,
} from '@playhead/contract';
import type { CommandQueue } from '../commands/command-queue.ts';
import { SessionEvents } from './session-events.ts';
import type { SubscriptionStatus } from './state.ts';
import { StoreHandle } from '../store.ts';
import type { SharedSession, SessionSnapshot } from './session-subscription.ts';

/**
 * One session, live through lost connections, crashes and updates of the service until it is
 * closed.
 *
 * This class is the entry of the folder. Read on in `session-subscription.ts` (what all handles of
 * a session share, and the driver), then `state.ts` and `transition.ts` (its pure state machine);
 * `session-events.ts` is the iterator, `typing-indicators.ts` who types.
 */
export class Session {
  /**
   * Each event exactly once, in order, from where the session was opened. Who is slow loses
   * nothing: beyond a bound (`limits.eventsBufferedMax`) events are read again when they are asked
   * for. An iteration ends when the session is closed. It throws `RefusedError` when the service
   * closes it for good; and with the code `cursor-unknown` when the log no longer has what was
   * read, after which another iteration begins at the new view.
   */
  readonly events: SessionEvents;
  readonly #shared: SharedSession;
  readonly #commands: CommandQueue;
  readonly #snapshot: StoreHandle<SessionSnapshot>;

  /** `release` is called once, when it is closed; other handles may share the subscription. */
  constructor(opened: SharedSession, commands: CommandQueue, release: () => void) {
    this.#shared = opened;
    this.#commands = commands;
    this.#snapshot = new StoreHandle(opened.store, release);
    this.events = new SessionEvents(opened.subscription);
  }

  get id(): string {
    return this.#shared.id;
  }

  get snapshot(): SessionSnapshot {
    return this.#snapshot.store.snapshot;
  }

  get view(): OpenView | undefined {
    return this.snapshot.view;
  }

  get revision(): number {
    return this.snapshot.revision;
  }

  get status(): SubscriptionStatus {
    return this.snapshot.status;
  }

  get refusal(): Refusal | undefined {
    return this.snapshot.refusal;
  }

  get resets(): number {
    return this.snapshot.resets;
  }

  /** Calls the listener after each change of the snapshot. Returns a function that stops it. */
  get subscribe(): (listener: () => void) => () => void {
    return this.#snapshot.store.subscribe;
  }

  /**
   * Asks for something. The command has its effect once, however often it has to be sent; it waits
   * while there is no connection. Commands may overtake each other: who needs an order awaits each.
   * Rejects with `RefusedError`; `overloaded` when too many wait (`limits.commandsMax`).
   */
  command<Type extends CommandType>(type: Type, data: CommandInput<Type>): Promise<CommandAnswer> {
    return this.#commands.enqueue({ sessionId: this.id, type, data });
  }

  /**
   * Tells other viewers whether this user types. Call it with true at each key. It is not stored,
   * and it is lost while the connection is.
   */
  typing(isTyping: boolean): void {
    if (this.status !== 'closed') this.#shared.typing(isTyping);
  }

  /**
   * Ends this handle; other handles of the session stay open. Commands that wait for an answer are
   * still sent.
   */
  close(): void {
    this.events.close();
    this.#snapshot.close();
  }
}
