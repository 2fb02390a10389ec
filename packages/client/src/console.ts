import type { Refusal, SessionEvent, SessionView } from '@playhead/contract';
import type { FollowingStatus } from './following/status.ts';
import { Look } from './look.ts';
import type { ConsoleSnapshot, Watched } from './watched.ts';

/** The list of sessions, live through cuts, crashes and updates of the service until closed. */
export class Console {
  readonly #watched: Watched;
  readonly #look: Look<ConsoleSnapshot>;
  readonly #unlisten = new Set<() => void>();

  /** `release` lets go of what is watched, perhaps together with others. */
  constructor(watched: Watched, release: () => void) {
    this.#watched = watched;
    this.#look = new Look(watched.observed, release);
  }

  get snapshot(): ConsoleSnapshot {
    return this.#look.observed.snapshot;
  }

  get sessions(): readonly SessionView[] | undefined {
    return this.snapshot.sessions;
  }

  get status(): FollowingStatus {
    return this.snapshot.status;
  }

  get refusal(): Refusal | undefined {
    return this.snapshot.refusal;
  }

  /** Calls the listener after each change of the snapshot; answers the way to stop that. */
  get subscribe(): (listener: () => void) => () => void {
    return this.#look.observed.subscribe;
  }

  /**
   * Hears the events of the sessions in the list, each once and in the order of the log, from now
   * on; opened with `events`, else there are none. When `resets` grows some were left out.
   */
  onEvents(listener: (events: readonly SessionEvent[]) => void): () => void {
    if (this.status === 'closed') return () => undefined;
    const stop = this.#watched.listen(listener);
    const unlisten = (): void => {
      stop();
      this.#unlisten.delete(unlisten);
    };
    this.#unlisten.add(unlisten);
    return unlisten;
  }

  /** Watches it no longer; others who opened the same list do. */
  close(): void {
    for (const unlisten of [...this.#unlisten]) unlisten();
    this.#look.close();
  }
}
