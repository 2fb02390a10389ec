import type {
  Refusal,
  SessionBehind,
  SessionClosed,
  SessionEvent,
  SessionFrame,
} from '@playhead/contract';
import { follow } from './following/follow.ts';
import { unopened, type Cursor, type Following } from './following/following.ts';
import type { Effect, Input } from './following/step.ts';
import { limits } from './limits.ts';
import type { Link } from './link.ts';
import type { Mailbox } from './mailbox.ts';
import { pauseMs } from './pause.ts';
import { RefusedError } from './refused-error.ts';

/** A session as it is followed over a link, with whoever reads its events. */
export class Followed {
  state: Following;
  readonly #mailboxes = new Map<number, Mailbox<SessionEvent>>();
  readonly #unlisten: () => void;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #readers = 0;

  /** `changed` is called after each step. */
  constructor(
    private readonly link: Link,
    sessionId: string,
    origin: Cursor | undefined,
    private readonly changed: () => void,
  ) {
    this.state = unopened(sessionId, limits, origin);
    this.#unlisten = this.#listen(sessionId);
  }

  start(): void {
    if (this.link.refusal) this.end(this.link.refusal);
    else if (this.link.isConnected) this.#feed({ type: 'connected' });
  }

  /** Puts every event from the origin on into the mailbox; answers the number of its reader. */
  read(mailbox: Mailbox<SessionEvent>): number {
    const reader = (this.#readers += 1);
    this.#mailboxes.set(reader, mailbox);
    this.#feed({ type: 'read', reader });
    return reader;
  }

  /** There is room for one event more in a reader's mailbox. */
  taken(reader: number): void {
    this.#feed({ type: 'taken', reader });
  }

  leave(reader: number): void {
    this.#mailboxes.delete(reader);
    this.#feed({ type: 'left', reader });
  }

  /** Without a refusal: because it is no longer wanted. */
  end(refusal?: Refusal): void {
    this.#feed({ type: 'end', ...(refusal && { refusal }) });
  }

  #feed(input: Input): void {
    const { state, effects } = follow(this.state, input);
    this.state = state;
    for (const effect of effects) this.#act(effect);
    if (state.phase.is === 'closed') {
      this.#unlisten();
      clearTimeout(this.#pause);
    }
    this.changed();
  }

  #act(effect: Effect): void {
    switch (effect.do) {
      case 'open': {
        const { nth, request } = effect;
        this.link.socket
          .timeout(limits.answerMs)
          .emit('session:open', request, (silence, answer) =>
            this.#feed(silence ? { type: 'silence', nth } : { type: 'answered', nth, answer }),
          );
        return;
      }
      case 'pause': {
        const { nth, failed } = effect;
        clearTimeout(this.#pause);
        this.#pause = setTimeout(
          () => this.#feed({ type: 'paused', nth }),
          pauseMs(failed, Math.random()),
        );
        return;
      }
      case 'give':
        this.#mailboxes.get(effect.reader)?.put(effect.events);
        return;
      case 'finish':
        this.#mailboxes
          .get(effect.reader)
          ?.finish(effect.refusal && new RefusedError(effect.refusal));
        this.#mailboxes.delete(effect.reader);
    }
  }

  #listen(sessionId: string): () => void {
    const { socket } = this.link;
    const frame = (frame: SessionFrame): void => {
      if (frame.sessionId === sessionId) this.#feed({ type: 'frame', frame });
    };
    const closed = (refusal: SessionClosed): void => {
      if (refusal.sessionId === sessionId) this.#feed({ type: 'closed', refusal });
    };
    const behind = (told: SessionBehind): void => {
      if (told.sessionId === sessionId) this.#feed({ type: 'behind' });
    };
    socket.on('session:events', frame).on('session:closed', closed).on('session:behind', behind);
    const unlisten = this.link.listen({
      connected: () => this.#feed({ type: 'connected' }),
      cut: () => this.#feed({ type: 'cut' }),
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
