import { sessionIdOf, type SessionFrame } from '@playhead/contract';
import type { FollowedBatch, RecordedEvent } from '../log/event-log.ts';
import { frameOf, wireBytes } from './frame.ts';
import { placeAt, type Place } from './place.ts';
import type { Audience } from './viewer.ts';

/** A live viewer of a session. */
export interface Member {
  readonly audience: Audience;
  /** Whether it takes the frame; when not, it has left the channel by then. */
  takes(frame: SessionFrame, bytes: number): boolean;
  /** A frame went out to its audience, and ends at this place. */
  sent(place: Place): void;
  /** The frame could not be sent to anybody. */
  failed(): void;
}

/** One session's live viewers, and the followed events they have not been sent yet. */
interface Channel {
  readonly members: Set<Member>;
  waiting: RecordedEvent[];
}

/** Hands followed events on to the live viewers of their sessions: one frame a session and tick. */
export class Channels {
  readonly #channels = new Map<string, Channel>();
  readonly #waiting = new Set<string>();
  #isDue = false;

  /** `onSent` hears of each frame; `onFault` of what should never happen. */
  constructor(
    private readonly onSent: (frame: SessionFrame) => void,
    private readonly onFault: (fault: unknown) => void,
  ) {}

  /** Sessions that somebody watches live. */
  get size(): number {
    return this.#channels.size;
  }

  /** Takes events as the tail hands them over. */
  follow({ events }: FollowedBatch): void {
    for (const event of events) {
      const sessionId = sessionIdOf(event.stream);
      if (sessionId === undefined) continue;
      const channel = this.#channels.get(sessionId);
      if (!channel) continue;
      channel.waiting.push(event);
      this.#waiting.add(sessionId);
    }
    if (this.#waiting.size === 0 || this.#isDue) return;
    this.#isDue = true;
    // Once this turn has given its answers, and before the next takes what else has come.
    process.nextTick(() => this.#flushAll());
  }

  /**
   * Adds a viewer that has been sent everything the tail handed over, in the synchronous block in
   * which it was sent. What still waits goes out to the others first: it must not come twice.
   */
  join(sessionId: string, member: Member): void {
    this.#flush(sessionId);
    const channel = this.#channels.get(sessionId);
    if (channel) channel.members.add(member);
    else this.#channels.set(sessionId, { members: new Set([member]), waiting: [] });
  }

  leave(sessionId: string, member: Member): void {
    const channel = this.#channels.get(sessionId);
    channel?.members.delete(member);
    if (channel?.members.size !== 0) return;
    this.#channels.delete(sessionId);
    this.#waiting.delete(sessionId);
  }

  #flush(sessionId: string): void {
    const channel = this.#channels.get(sessionId);
    const [first] = channel?.waiting ?? [];
    const last = channel?.waiting.at(-1);
    if (!channel || !first || !last) return;
    const frame = frameOf(sessionId, first.revision - 1, channel.waiting);
    const bytes = wireBytes(channel.waiting);
    channel.waiting = [];
    this.#waiting.delete(sessionId);
    const place = placeAt(last);
    const takers = [...channel.members].filter((member) => member.takes(frame, bytes));
    try {
      const audiences = new Set(takers.map((member) => member.audience));
      for (const audience of audiences) audience.broadcast(frame);
      for (const member of takers) member.sent(place);
      this.onSent(frame);
    } catch (fault) {
      this.onFault(fault);
      for (const member of takers) member.failed();
    }
  }

  #flushAll(): void {
    this.#isDue = false;
    for (const sessionId of [...this.#waiting]) this.#flush(sessionId);
  }
}
