import {
  compareParticipants,
  evolveMessage,
  evolveParticipant,
  evolveSession,
  messageIdOf,
  participantIdOf,
  type MessageView,
  type ParticipantView,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import { asOpaque, asSessionEvent } from '../../live/frames.ts';
import type { RecordedEvent } from '../../log/event-log.ts';

/**
 * A session, its participants and the messages that are still being written, folded from all of
 * its events. Messages that have ended are not kept, which is what bounds its memory: the write
 * path itself holds as much of a session, its participants and its open messages.
 */
export class TranscriptFold {
  #session: SessionView | undefined;
  readonly #participants = new Map<string, ParticipantView>();
  readonly #open = new Map<string, MessageView>();
  #largestBytes = 1;

  get session(): SessionView | undefined {
    return this.#session;
  }

  /** In the order in which they are listed. */
  get participants(): readonly ParticipantView[] {
    return [...this.#participants.values()].sort(compareParticipants);
  }

  /** Messages that are being written, by id. */
  get open(): ReadonlyMap<string, MessageView> {
    return this.#open;
  }

  /** Bytes of the largest event, and so about of the largest message. */
  get largestBytes(): number {
    return this.#largestBytes;
  }

  /** Takes the next event. One whose data is not what its type promises counts as opaque. */
  take(recorded: RecordedEvent): void {
    this.#largestBytes = Math.max(this.#largestBytes, recorded.bytes);
    const event = asSessionEvent(recorded);
    try {
      this.#fold(event);
    } catch {
      this.#fold(asOpaque(event));
    }
  }

  #fold(event: SessionEvent): void {
    const session = evolveSession(this.#session, event);
    const participantId = participantIdOf(event) ?? '';
    const participant = evolveParticipant(this.#participants.get(participantId), event);
    const messageId = messageIdOf(event) ?? '';
    const message = evolveMessage(this.#open.get(messageId), event);
    // Only now, when nothing more can throw: an event is folded as a whole or not at all.
    this.#session = session;
    if (participant) this.#participants.set(participantId, participant);
    if (message?.state === 'open') this.#open.set(messageId, message);
    else this.#open.delete(messageId);
  }
}
