import {
  refuse,
  sessionRoom,
  type ClientToServer,
  type Refused,
  type Refusal,
  type ServerToClient,
  type SessionOpen,
  type SessionOpened,
} from '@playhead/contract';
import type { Socket } from 'socket.io';
import type { SessionSubscription } from '../live/session/session-subscription.ts';
import type { SessionSubscriptions } from '../live/session/session-subscriptions.ts';
import type { SessionAudience, SessionViewer } from '../live/session/session-viewer.ts';
import { SubscriptionSlot } from './subscription-slot.ts';
import type { WriteBuffer } from './write-buffer.ts';

/** A viewer's socket, its events typed by the contract. */
export type ViewerSocket = Socket<ClientToServer, ServerToClient>;

/** Where sessions come from, who receives them, and what bounds a socket. */
export interface OpenSessionsOptions {
  readonly subscriptions: SessionSubscriptions;
  readonly audience: SessionAudience;
  /** Why the socket's holder may not read sessions now. */
  readonly denied: () => Promise<Refusal | undefined>;
  /** How many sessions may be open at once. */
  readonly roomsMax: number;
  /** The socket watches a session from now on, or again after it was behind, or no longer. */
  readonly watches: (sessionId: string, change: 'enters' | 'returns' | 'leaves') => void;
}

type Slot = SubscriptionSlot<SessionSubscription>;

/** The sessions that one socket has open. */
export class OpenSessions {
  readonly #sessions = new Map<string, Slot>();

  constructor(
    private readonly socket: ViewerSocket,
    private readonly writeBuffer: WriteBuffer,
    private readonly options: OpenSessionsOptions,
  ) {}

  /** Opens a session, or opens it again: see `SubscriptionSlot`. */
  open(request: SessionOpen, answer: (answer: SessionOpened | Refused) => void): void {
    const { sessionId } = request;
    const { subscriptions, roomsMax } = this.options;
    this.#sessions.get(sessionId)?.supersede();
    const known = this.#sessions.get(sessionId);
    if (!known && this.#sessions.size >= roomsMax) {
      answer({ ok: false, ...refuse('too-many-rooms', `at most ${roomsMax} on one socket`) });
      return;
    }
    const session = known ?? new SubscriptionSlot<SessionSubscription>();
    this.#sessions.set(sessionId, session);
    session.begin(subscriptions.open(request, this.#viewer(sessionId, session, answer)));
  }

  /** Whether the session is open: the open was acknowledged and nothing has ended it since. */
  has(sessionId: string): boolean {
    return this.#sessions.get(sessionId)?.isOpen ?? false;
  }

  /** Nothing of the session is sent from now on, whether it was open or not. */
  close(sessionId: string): void {
    this.#sessions.get(sessionId)?.close();
    this.#sessions.delete(sessionId);
  }

  /** The socket may see nothing any more: each subscription is ended, with the reason. */
  closeAll(refusal: Refusal): void {
    for (const session of [...this.#sessions.values()]) session.closeWith(refusal);
  }

  /** The socket is gone. */
  end(): void {
    for (const session of this.#sessions.values()) session.end();
    this.#sessions.clear();
    this.writeBuffer.close();
  }

  #viewer(
    sessionId: string,
    session: Slot,
    answer: (answer: SessionOpened | Refused) => void,
  ): SessionViewer {
    const { socket, writeBuffer, options } = this;
    const room = sessionRoom(sessionId);
    const forget = (): void => {
      if (session.isEmpty) this.#sessions.delete(sessionId);
    };
    let isWatching = false;
    return {
      audience: options.audience,
      denied: options.denied,
      whenDrained: (work) => writeBuffer.whenDrained(work),
      opened: (opened) => {
        session.acknowledged();
        answer(opened);
      },
      refused: (refusal) => {
        session.refused();
        forget();
        answer({ ok: false, ...refusal });
      },
      send: (frame) => socket.emit('session:events', frame),
      join: () => {
        void socket.join(room);
        options.watches(sessionId, isWatching ? 'returns' : 'enters');
        isWatching = true;
      },
      behind: (revision) => {
        void socket.leave(room);
        socket.emit('session:behind', { sessionId, revision });
      },
      leave: () => {
        void socket.leave(room);
        options.watches(sessionId, 'leaves');
      },
      hasRoomFor: (bytes) => writeBuffer.hasRoomFor(bytes),
      closed: (refusal, revision) => {
        session.closed();
        forget();
        socket.emit('session:closed', { ...refusal, sessionId, revision });
      },
    };
  }
}
