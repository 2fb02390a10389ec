import type {
  CommandAnswer,
  CommandInput,
  CommandType,
  OpenView,
  Refusal,
} from '@playhead/contract';
import type { Commands } from './commands.ts';
import { Events } from './events.ts';
import type { FollowingStatus } from './following/status.ts';
import { Look } from './look.ts';
import type { Opened, SessionSnapshot } from './opened.ts';

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
  readonly #opened: Opened;
  readonly #commands: Commands;
  readonly #look: Look<SessionSnapshot>;

  /** `release` lets go of what is open, perhaps together with others. */
  constructor(opened: Opened, commands: Commands, release: () => void) {
    this.#opened = opened;
    this.#commands = commands;
    this.#look = new Look(opened.observed, release);
    this.events = new Events(opened.followed);
  }

  get id(): string {
    return this.#opened.id;
  }

  get snapshot(): SessionSnapshot {
    return this.#look.observed.snapshot;
  }

  get view(): OpenView | undefined {
    return this.snapshot.view;
  }

  get revision(): number {
    return this.snapshot.revision;
  }

  get status(): FollowingStatus {
    return this.snapshot.status;
  }

  get refusal(): Refusal | undefined {
    return this.snapshot.refusal;
  }

  get resets(): number {
    return this.snapshot.resets;
  }

  /** Calls the listener after each change of the snapshot; answers the way to stop that. */
  get subscribe(): (listener: () => void) => () => void {
    return this.#look.observed.subscribe;
  }

  /**
   * Asks for something. The command has its effect once, however often it has to be sent; it waits
   * while there is no connection. Commands may overtake each other: who needs an order awaits each.
   * Rejects with `RefusedError`; `overloaded` when too many wait (`limits.commandsMax`).
   */
  command<Type extends CommandType>(type: Type, data: CommandInput<Type>): Promise<CommandAnswer> {
    return this.#commands.ask({ sessionId: this.id, type, data });
  }

  /**
   * Tells the others whether somebody types here; with true as often as one likes, at each key. It
   * is stored nowhere, and lost while cut off.
   */
  typing(isTyping: boolean): void {
    if (this.status !== 'closed') this.#opened.typing(isTyping);
  }

  /**
   * Follows it no longer; others who opened the same session do. Commands that wait for their
   * answers are sent all the same.
   */
  close(): void {
    this.events.close();
    this.#look.close();
  }
}
