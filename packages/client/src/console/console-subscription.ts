import {
  refuse,
  type ConsoleClosed,
  type ConsoleFrame,
  type Refusal,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import { type SubscriptionStatus, statusOf } from '../session/state.ts';
import { limits } from '../limits.ts';
import { type ConnectionLease, backoffMs } from '../connection.ts';
import { callListener, Store } from '../store.ts';
import {
  type ConsoleEffect,
  type ConsoleInput,
  initialState,
  type ConsoleRequest,
  type ConsoleState,
} from './state.ts';
import { transition } from './transition.ts';

/** The list of sessions at one moment; never changed, a new one after each change. */
export interface ConsoleSnapshot {
  /**
   * The newest activity first; undefined until there is a list. A session that has not changed is
   * the same object as before.
   */
  readonly sessions: readonly SessionView[] | undefined;
  /** There are more sessions than the list holds; each enters when something happens in it. */
  readonly more: boolean;
  readonly status: SubscriptionStatus;
  /** Why it is closed; undefined when it was closed by its user. */
  readonly refusal: Refusal | undefined;
  /** How often the whole list was read again, after too long an absence; events were left out. */
  readonly resets: number;
}

/** A list that is open on a connection, shared by all handles of it. A connection has one list. */
export class ConsoleSubscription {
  readonly store: Store<ConsoleSnapshot>;
  readonly #eventListeners = new Set<(events: readonly SessionEvent[]) => void>();
  readonly #unlisten: () => void;
  #state: ConsoleState;
  #backoff: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly lease: ConnectionLease,
    request: ConsoleRequest,
  ) {
    this.#state = initialState(request, limits.framesBufferedMax);
    this.store = new Store(this.#snapshot());
    this.#unlisten = this.#listen();
    const { connection } = lease;
    if (connection.refusal) this.#dispatch({ type: 'end', refusal: connection.refusal });
    else if (connection.isConnected) this.#dispatch({ type: 'connected' });
  }

  get isClosed(): boolean {
    return this.#state.phase.is === 'closed';
  }

  /** Returns a function that stops listening. */
  listen(listener: (events: readonly SessionEvent[]) => void): () => void {
    const own = (events: readonly SessionEvent[]): void => listener(events);
    this.#eventListeners.add(own);
    return () => void this.#eventListeners.delete(own);
  }

  /** Called when its last handle is closed. */
  end(): void {
    if (this.isClosed) return;
    const { connection, isOwn } = this.lease;
    if (!isOwn && connection.isConnected)
      connection.socket.emit('console:close', {}, () => undefined);
    this.#dispatch({ type: 'end' });
  }

  #dispatch(input: ConsoleInput): void {
    const { state, effects } = transition(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#run(effect);
    if (this.isClosed) {
      this.#unlisten();
      clearTimeout(this.#backoff);
      if (this.lease.isOwn)
        this.lease.connection.close(refuse('unavailable', 'the console was closed'));
    }
    this.store.update(this.#snapshot());
  }

  #run(effect: ConsoleEffect): void {
    switch (effect.do) {
      case 'open': {
        const { attempt, request } = effect;
        this.lease.connection.socket
          .timeout(limits.answerMs)
          .emit('console:open', request, (timeout, ack) => {
            if (timeout) return this.#dispatch({ type: 'timed-out', attempt });
            const answer = ack.ok ? ack : this.lease.connection.assess(ack);
            this.#dispatch({ type: 'answered', attempt, answer });
          });
        return;
      }
      case 'back-off': {
        const { attempt, failures } = effect;
        const after = backoffMs(failures, Math.random());
        clearTimeout(this.#backoff);
        this.#backoff = setTimeout(() => this.#dispatch({ type: 'backoff-over', attempt }), after);
        return;
      }
      case 'deliver':
        for (const listener of [...this.#eventListeners])
          callListener(() => listener(effect.events));
    }
  }

  #listen(): () => void {
    const { connection } = this.lease;
    const frame = (frame: ConsoleFrame): void => this.#dispatch({ type: 'frame', frame });
    const closed = (refusal: ConsoleClosed): void =>
      this.#dispatch({ type: 'closed', refusal: connection.assess(refusal) });
    const behind = (): void => this.#dispatch({ type: 'behind' });
    connection.socket
      .on('console:events', frame)
      .on('console:closed', closed)
      .on('console:behind', behind);
    const unlisten = connection.listen({
      connected: () => this.#dispatch({ type: 'connected' }),
      disconnected: () => this.#dispatch({ type: 'disconnected' }),
      refused: (refusal) => this.#dispatch({ type: 'end', refusal }),
    });
    return () => {
      unlisten();
      connection.socket
        .off('console:events', frame)
        .off('console:closed', closed)
        .off('console:behind', behind);
    };
  }

  #snapshot(): ConsoleSnapshot {
    const { sessions, more, phase, resets } = this.#state;
    const refusal = phase.is === 'closed' ? phase.refusal : undefined;
    return { sessions, more, status: statusOf(this.#state), refusal, resets };
  }
}
