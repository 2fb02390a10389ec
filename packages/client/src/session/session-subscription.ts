import {
  refuse,
  type OpenView,
  type Refusal,
  type SessionBehind,
  type SessionClosed,
  type SessionEvent,
  type SessionFrame,
} from '@playhead/contract';
import {
  type Cursor,
  statusOf,
  type SubscriptionStatus,
  initialState,
  type SessionState,
  type SessionEffect,
  type SessionInput,
} from './state.ts';
import { type ConnectionLease, type Connection, backoffMs } from '../connection.ts';
import { Store } from '../store.ts';
import { TypingIndicators } from './typing-indicators.ts';
import { transition } from './transition.ts';
import { limits } from '../limits.ts';
import type { EventQueue } from '../event-queue.ts';
import { RefusedError } from '../refused-error.ts';

/** A session at one moment; never changed, a new one after each change. */
export interface SessionSnapshot {
  /** Undefined until the session is open, and after a reset until it is open again. */
  readonly view: OpenView | undefined;
  /** Of the last event in the view; -1 while there is none. */
  readonly revision: number;
  readonly status: SubscriptionStatus;
  /** Why it is closed; undefined when it was closed by its user. */
  readonly refusal: Refusal | undefined;
  /** How often the service's log turned out to be another one, so that the view was replaced. */
  readonly resets: number;
  /** Other users who type now, by the names that events give their actors, sorted. */
  readonly typists: readonly string[];
}

/** A session that is open on a connection, shared by all handles of it. */
export class SharedSession {
  readonly subscription: SessionSubscription;
  readonly store: Store<SessionSnapshot>;
  readonly #typing: TypingIndicators;

  constructor(
    readonly id: string,
    readonly lease: ConnectionLease,
    origin: Cursor | undefined,
  ) {
    this.subscription = new SessionSubscription(lease.connection, id, origin, () =>
      this.#changed(),
    );
    this.#typing = new TypingIndicators(lease.connection, id, () => this.#changed());
    this.store = new Store(this.#snapshot());
    this.subscription.start();
  }

  get isClosed(): boolean {
    return this.subscription.state.phase.is === 'closed';
  }

  typing(isTyping: boolean): void {
    const { connection } = this.lease;
    if (connection.isConnected && this.subscription.state.phase.is === 'open')
      this.#typing.send(isTyping);
  }

  /** Called when its last handle is closed. */
  end(): void {
    if (this.isClosed) return;
    const { connection, isOwn } = this.lease;
    if (!isOwn && connection.isConnected) {
      connection.socket.emit('session:close', { sessionId: this.id }, () => undefined);
    }
    this.subscription.end();
  }

  #changed(): void {
    this.store.update(this.#snapshot());
    if (!this.isClosed) return;
    this.#typing.stop();
    if (this.lease.isOwn)
      this.lease.connection.close(refuse('unavailable', 'the session was closed'));
  }

  #snapshot(): SessionSnapshot {
    const { state } = this.subscription;
    return {
      view: state.view,
      revision: state.cursor?.revision ?? -1,
      status: statusOf(state),
      refusal: state.phase.is === 'closed' ? state.phase.refusal : undefined,
      resets: state.resets,
      typists: this.#typing.who,
    };
  }
}

/** Drives the state machine of one session over a connection, and feeds its readers. */
export class SessionSubscription {
  state: SessionState;
  readonly #queues = new Map<number, EventQueue<SessionEvent>>();
  readonly #unlisten: () => void;
  #backoff: ReturnType<typeof setTimeout> | undefined;
  #readers = 0;

  /** `changed` is called after each step. */
  constructor(
    private readonly connection: Connection,
    sessionId: string,
    origin: Cursor | undefined,
    private readonly changed: () => void,
  ) {
    this.state = initialState(sessionId, limits, origin);
    this.#unlisten = this.#listen(sessionId);
  }

  start(): void {
    if (this.connection.refusal) this.end(this.connection.refusal);
    else if (this.connection.isConnected) this.#dispatch({ type: 'connected' });
  }

  /** Delivers every event from the origin on to the queue. Returns the number of the reader. */
  addReader(queue: EventQueue<SessionEvent>): number {
    const reader = (this.#readers += 1);
    this.#queues.set(reader, queue);
    this.#dispatch({ type: 'added', reader });
    return reader;
  }

  /** A reader's queue has room for one more event. */
  release(reader: number): void {
    this.#dispatch({ type: 'consumed', reader });
  }

  removeReader(reader: number): void {
    this.#queues.delete(reader);
    this.#dispatch({ type: 'removed', reader });
  }

  /** Without a refusal: because it is no longer wanted. */
  end(refusal?: Refusal): void {
    this.#dispatch({ type: 'end', ...(refusal && { refusal }) });
  }

  #dispatch(input: SessionInput): void {
    const { state, effects } = transition(this.state, input);
    this.state = state;
    for (const effect of effects) this.#run(effect);
    if (state.phase.is === 'closed') {
      this.#unlisten();
      clearTimeout(this.#backoff);
    }
    this.changed();
  }

  #run(effect: SessionEffect): void {
    switch (effect.do) {
      case 'open': {
        const { attempt, request } = effect;
        this.connection.socket
          .timeout(limits.answerMs)
          .emit('session:open', request, (timeout, ack) => {
            if (timeout) return this.#dispatch({ type: 'timed-out', attempt });
            const answer = ack.ok ? ack : this.connection.assess(ack);
            this.#dispatch({ type: 'answered', attempt, answer });
          });
        return;
      }
      case 'back-off': {
        const { attempt, failures } = effect;
        clearTimeout(this.#backoff);
        this.#backoff = setTimeout(
          () => this.#dispatch({ type: 'backoff-over', attempt }),
          backoffMs(failures, Math.random()),
        );
        return;
      }
      case 'deliver':
        this.#queues.get(effect.reader)?.push(effect.events);
        return;
      case 'finish':
        this.#queues.get(effect.reader)?.finish(effect.refusal && new RefusedError(effect.refusal));
        this.#queues.delete(effect.reader);
    }
  }

  #listen(sessionId: string): () => void {
    const { socket } = this.connection;
    const frame = (frame: SessionFrame): void => {
      if (frame.sessionId === sessionId) this.#dispatch({ type: 'frame', frame });
    };
    const closed = (refusal: SessionClosed): void => {
      if (refusal.sessionId !== sessionId) return;
      this.#dispatch({ type: 'closed', refusal: this.connection.assess(refusal) });
    };
    const behind = (notice: SessionBehind): void => {
      if (notice.sessionId === sessionId) this.#dispatch({ type: 'behind' });
    };
    socket.on('session:events', frame).on('session:closed', closed).on('session:behind', behind);
    const unlisten = this.connection.listen({
      connected: () => this.#dispatch({ type: 'connected' }),
      disconnected: () => this.#dispatch({ type: 'disconnected' }),
      refused: (refusal) => this.end(refusal),
    });
    return () => {
      unlisten();
      socket
        .off('session:events', frame)
        .off('session:closed', closed)
        .off('session:behind', behind);
    };
  }
}
