import { refuse, type OpenView, type Refusal } from '@playhead/contract';
import { Followed } from './followed.ts';
import type { Cursor } from './following/following.ts';
import { statusOf, type FollowingStatus } from './following/status.ts';
import type { Line } from './line.ts';
import { Observed } from './observed.ts';
import { Typists } from './typists.ts';

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
  /** Who else types here now, as events name their actors, in order. */
  readonly typists: readonly string[];
}

/** A session that is open on a link, for all who share it. */
export class Opened {
  readonly followed: Followed;
  readonly observed: Observed<SessionSnapshot>;
  readonly #typists: Typists;

  constructor(
    readonly id: string,
    readonly line: Line,
    origin: Cursor | undefined,
  ) {
    this.followed = new Followed(line.link, id, origin, () => this.#changed());
    this.#typists = new Typists(line.link, id, () => this.#changed());
    this.observed = new Observed(this.#look());
    this.followed.start();
  }

  get isOver(): boolean {
    return this.followed.state.phase.is === 'closed';
  }

  typing(isTyping: boolean): void {
    const { link } = this.line;
    if (link.isConnected && this.followed.state.phase.is === 'open') this.#typists.tell(isTyping);
  }

  /** Because it is no longer wanted. */
  end(): void {
    if (this.isOver) return;
    const { link, isOwn } = this.line;
    if (!isOwn && link.isConnected) {
      link.socket.emit('session:close', { sessionId: this.id }, () => undefined);
    }
    this.followed.end();
  }

  #changed(): void {
    this.observed.show(this.#look());
    if (!this.isOver) return;
    this.#typists.stop();
    if (this.line.isOwn) this.line.link.close(refuse('unavailable', 'the session was closed'));
  }

  #look(): SessionSnapshot {
    const { state } = this.followed;
    return {
      view: state.view,
      revision: state.cursor?.revision ?? -1,
      status: statusOf(state),
      refusal: state.phase.is === 'closed' ? state.phase.refusal : undefined,
      resets: state.resets,
      typists: this.#typists.who,
    };
  }
}
