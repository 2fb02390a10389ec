import {
  refuse,
  type ConsoleClosed,
  type ConsoleFrame,
  type Refusal,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import type { FollowingStatus } from './following/status.ts';
import { limits } from './limits.ts';
import type { Line } from './line.ts';
import { call, Observed } from './observed.ts';
import { pauseMs } from './pause.ts';
import { statusOf } from './following/status.ts';
import type { WatchEffect, WatchInput } from './watching/step.ts';
import { watch } from './watching/watch.ts';
import { unwatched, type Wanted, type Watching } from './watching/watching.ts';

/** The list of sessions at one moment; never changed, a new one after each change. */
export interface ConsoleSnapshot {
  /**
   * Those with the newest activity first; undefined until there is a list. What has not changed is
   * the same object as before.
   */
  readonly sessions: readonly SessionView[] | undefined;
  /** There are more than the list began with; each enters when something happens in it. */
  readonly more: boolean;
  readonly status: FollowingStatus;
  /** Why it is closed; undefined when it was closed by its user. */
  readonly refusal: Refusal | undefined;
  /** How often the list was asked for anew, and events were left out, after too long a time. */
  readonly resets: number;
}

/** The list of sessions as it is watched over a link, on which there is no other list. */
export class Watched {
  readonly observed: Observed<ConsoleSnapshot>;
  readonly #eventListeners = new Set<(events: readonly SessionEvent[]) => void>();
  readonly #unlisten: () => void;
  #state: Watching;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly line: Line,
    wanted: Wanted,
  ) {
    this.#state = unwatched(wanted, limits.framesHeldMax);
    this.observed = new Observed(this.#look());
    this.#unlisten = this.#listen();
    const { link } = line;
    if (link.refusal) this.#feed({ type: 'end', refusal: link.refusal });
    else if (link.isConnected) this.#feed({ type: 'connected' });
  }

  get isOver(): boolean {
    return this.#state.phase.is === 'closed';
  }

  /** Answers the way to stop listening. */
  listen(listener: (events: readonly SessionEvent[]) => void): () => void {
    const own = (events: readonly SessionEvent[]): void => listener(events);
    this.#eventListeners.add(own);
    return () => void this.#eventListeners.delete(own);
  }

  /** Because it is no longer wanted. */
  end(): void {
    if (this.isOver) return;
    const { link, isOwn } = this.line;
    if (!isOwn && link.isConnected) link.socket.emit('console:close', {}, () => undefined);
    this.#feed({ type: 'end' });
  }

  #feed(input: WatchInput): void {
    const { state, effects } = watch(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#act(effect);
    if (this.isOver) {
      this.#unlisten();
      clearTimeout(this.#pause);
      if (this.line.isOwn) this.line.link.close(refuse('unavailable', 'the console was closed'));
    }
    this.observed.show(this.#look());
  }

  #act(effect: WatchEffect): void {
    switch (effect.do) {
      case 'open': {
        const { nth, request } = effect;
        this.line.link.socket
          .timeout(limits.answerMs)
          .emit('console:open', request, (silence, answer) =>
            this.#feed(silence ? { type: 'silence', nth } : { type: 'answered', nth, answer }),
          );
        return;
      }
      case 'pause': {
        const { nth, failed } = effect;
        const after = pauseMs(failed, Math.random());
        clearTimeout(this.#pause);
        this.#pause = setTimeout(() => this.#feed({ type: 'paused', nth }), after);
        return;
      }
      case 'give':
        for (const listener of [...this.#eventListeners]) call(() => listener(effect.events));
    }
  }

  #listen(): () => void {
    const { link } = this.line;
    const frame = (frame: ConsoleFrame): void => this.#feed({ type: 'frame', frame });
    const closed = (refusal: ConsoleClosed): void => this.#feed({ type: 'closed', refusal });
    const behind = (): void => this.#feed({ type: 'behind' });
    link.socket
      .on('console:events', frame)
      .on('console:closed', closed)
      .on('console:behind', behind);
    const unlisten = link.listen({
      connected: () => this.#feed({ type: 'connected' }),
      cut: () => this.#feed({ type: 'cut' }),
      refused: (refusal) => this.#feed({ type: 'end', refusal }),
    });
    return () => {
      unlisten();
      link.socket
        .off('console:events', frame)
        .off('console:closed', closed)
        .off('console:behind', behind);
    };
  }

  #look(): ConsoleSnapshot {
    const { sessions, more, phase, resets } = this.#state;
    const refusal = phase.is === 'closed' ? phase.refusal : undefined;
    return { sessions, more, status: statusOf(this.#state), refusal, resets };
  }
}
