import {
  compareMessages,
  compareParticipants,
  evolveMessage,
  evolveParticipant,
  evolveSession,
  evolveTool,
  messageIdOf,
  participantIdOf,
  toolCallIdOf,
  type MessageView,
  type ParticipantView,
  type SessionEvent,
  type SessionView,
  type ToolView,
} from '@playhead/contract';
import type { RecordedEvent } from '../../log/event-log.ts';
import { asOpaque, asSessionEvent } from '../frames.ts';

/** A `SessionAt` as JSON. */
export interface SessionAtSnapshot {
  readonly session: SessionView | undefined;
  readonly listed: SessionView | undefined;
  readonly participants: readonly ParticipantView[];
  readonly messages: readonly MessageView[];
  readonly tools: readonly ToolView[];
  readonly largestBytes: number;
}

/**
 * A session at a revision, folded from its events up to there: the session, its participants, and
 * the messages and tool calls that are not over. What is over never changes again, so its row in
 * the read models is right, and it is not kept here. That bounds the memory: the write path itself
 * holds as much of a session.
 *
 * A message that begins a second time, after its end, is kept here although the views pass over
 * that: whoever finds it ended in the read model by this revision goes by the read model.
 */
export class SessionAt {
  #session: SessionView | undefined;
  #listed: SessionView | undefined;
  readonly #participants: Map<string, ParticipantView>;
  readonly #messages: Map<string, MessageView>;
  readonly #tools: Map<string, ToolView>;
  #largestBytes: number;

  /** Before the first event, or as a snapshot has it. */
  constructor(from?: SessionAtSnapshot) {
    this.#session = from?.session;
    this.#listed = from?.listed;
    this.#participants = new Map(from?.participants.map((one) => [one.participantId, one]));
    this.#messages = new Map(from?.messages.map((one) => [one.messageId, one]));
    this.#tools = new Map(from?.tools.map((one) => [one.callId, one]));
    this.#largestBytes = from?.largestBytes ?? 1;
  }

  /** Undefined before the first event. */
  get session(): SessionView | undefined {
    return this.#session;
  }

  /** As the list of sessions shows it: chunks of messages have not touched it. */
  get listed(): SessionView | undefined {
    return this.#listed;
  }

  /** In the order in which they are listed. */
  get participants(): readonly ParticipantView[] {
    return [...this.#participants.values()].sort(compareParticipants);
  }

  /** Messages that are being written, by id. */
  get openMessages(): ReadonlyMap<string, MessageView> {
    return this.#messages;
  }

  /** The same in the order in which they are listed. */
  get openMessagesInOrder(): readonly MessageView[] {
    return [...this.#messages.values()].sort(compareMessages);
  }

  /** Tool calls that run, by id. */
  get runningTools(): ReadonlyMap<string, ToolView> {
    return this.#tools;
  }

  /** Bytes of the largest event, and so about of the largest message. */
  get largestBytes(): number {
    return this.#largestBytes;
  }

  /** What it is made of. Survives JSON. */
  snapshot(): SessionAtSnapshot {
    return {
      session: this.#session,
      listed: this.#listed,
      participants: [...this.#participants.values()],
      messages: [...this.#messages.values()],
      tools: [...this.#tools.values()],
      largestBytes: this.#largestBytes,
    };
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
    const listed =
      event.type === 'message.chunked' ? this.#listed : evolveSession(this.#listed, event);
    const participantId = participantIdOf(event) ?? '';
    const participant = evolveParticipant(this.#participants.get(participantId), event);
    const messageId = messageIdOf(event) ?? '';
    const message = evolveMessage(this.#messages.get(messageId), event);
    const callId = toolCallIdOf(event) ?? '';
    const tool = evolveTool(this.#tools.get(callId), event);
    // Only now, when nothing more can throw: an event is folded as a whole or not at all.
    this.#session = session;
    this.#listed = listed;
    if (participant) this.#participants.set(participantId, participant);
    if (message?.state === 'open') this.#messages.set(messageId, message);
    else this.#messages.delete(messageId);
    if (tool?.state === 'running') this.#tools.set(callId, tool);
    else this.#tools.delete(callId);
  }
}
