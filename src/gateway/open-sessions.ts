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

/** A subscription of a session, and one that is to take its place. */
interface OpenSession {
  subscription?: SessionSubscription | undefined;
  opening?: SessionSubscription | undefined;
}

const SUPERSEDED = 'another request for this session came before this one was answered';

/** The sessions that one socket has open. */
export class OpenSessions {
  readonly #sessions = new Map<string, OpenSession>();

  constructor(
    private readonly socket: ViewerSocket,
    private readonly writeBuffer: WriteBuffer,
    private readonly options: OpenSessionsOptions,
  ) {}

  /**
   * Opens a session, or opens it anew: then the old subscription goes on until the new one is
   * answered, and stays when that is refused. Of several requests the last one counts.
   */
  open(request: SessionOpen, answer: (answer: SessionOpened | Refused) => void): void {
    const { sessionId } = request;
    const { subscriptions, roomsMax } = this.options;
    this.#sessions.get(sessionId)?.opening?.close(refuse('refused', SUPERSEDED));
    const known = this.#sessions.get(sessionId);
    if (!known && this.#sessions.size >= roomsMax) {
      answer({ ok: false, ...refuse('too-many-rooms', `at most ${roomsMax} on one socket`) });
      return;
    }
    const session = known ?? {};
    this.#sessions.set(sessionId, session);
    session.opening = subscriptions.open(request, this.#viewer(sessionId, session, answer));
  }

  /** Whether the session is open: its opening was answered and nothing has ended it. */
  has(sessionId: string): boolean {
    return this.#sessions.get(sessionId)?.subscription !== undefined;
  }

  /** Nothing of the session is sent from now on, whether it was open or not. */
  close(sessionId: string): void {
    const session = this.#sessions.get(sessionId);
    session?.opening?.close(refuse('refused', SUPERSEDED));
    session?.subscription?.end();
    this.#sessions.delete(sessionId);
  }

  /** The socket may see nothing any more: each subscription is ended and told why. */
  closeAll(refusal: Refusal): void {
    for (const { opening, subscription: subscription } of [...this.#sessions.values()]) {
      opening?.close(refusal);
      subscription?.close(refusal);
    }
  }

  /** The socket is gone. */
  end(): void {
    for (const { opening, subscription: subscription } of this.#sessions.values()) {
      opening?.end();
      subscription?.end();
    }
    this.#sessions.clear();
    this.writeBuffer.close();
  }

  #viewer(
    sessionId: string,
    session: OpenSession,
    answer: (answer: SessionOpened | Refused) => void,
  ): SessionViewer {
    const { socket, writeBuffer, options } = this;
    const room = sessionRoom(sessionId);
    const forget = (): void => {
      if (!session.subscription && !session.opening) this.#sessions.delete(sessionId);
    };
    let isWatching = false;
    return {
      audience: options.audience,
      denied: options.denied,
      whenDrained: (work) => writeBuffer.whenDrained(work),
      opened: (opened) => {
        session.subscription?.end();
        session.subscription = session.opening;
        session.opening = undefined;
        answer(opened);
      },
      refused: (refusal) => {
        session.opening = undefined;
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
        session.subscription = undefined;
        forget();
        socket.emit('session:closed', { ...refusal, sessionId, revision });
      },
    };
  }
}
