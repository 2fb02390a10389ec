import { sessionIdOf, type SessionFrame } from '@playhead/contract';
import type { FollowedBatch, RecordedEvent } from '../../log/event-log.ts';
import { frameOf, wireBytes } from '../frames.ts';
import { cursorAt, type Cursor } from './cursor.ts';
import type { SessionAudience } from './session-viewer.ts';

/** A live viewer in a session's room. */
export interface RoomMember {
  readonly audience: SessionAudience;
  /** Whether it can be sent the frame. If not, it has already left the room. */
  accepts(frame: SessionFrame, bytes: number): boolean;
  /** A frame that ends at this cursor was sent to its audience. */
  advance(cursor: Cursor): void;
  /** The frame could not be sent to anybody. */
  fail(): void;
}

/** One session's live viewers, and the events that wait for the next flush. */
interface Room {
  readonly members: Set<RoomMember>;
  waiting: RecordedEvent[];
}

/** Fans followed events out to the live viewers of their sessions: one frame a session and tick. */
export class SessionRooms {
  readonly #rooms = new Map<string, Room>();
  readonly #waiting = new Set<string>();
  #isDue = false;

  /** `onSent` is called with each frame; `onFault` with what should never happen. */
  constructor(
    private readonly onSent: (frame: SessionFrame) => void,
    private readonly onFault: (fault: unknown) => void,
  ) {}

  /** Sessions that somebody watches live. */
  get size(): number {
    return this.#rooms.size;
  }

  /** Takes events as the tail hands them over. */
  follow({ events }: FollowedBatch): void {
    for (const event of events) {
      const sessionId = sessionIdOf(event.stream);
      if (sessionId === undefined) continue;
      const room = this.#rooms.get(sessionId);
      if (!room) continue;
      room.waiting.push(event);
      this.#waiting.add(sessionId);
    }
    if (this.#waiting.size === 0 || this.#isDue) return;
    this.#isDue = true;
    // After the answers of this turn, and before the next turn takes more work.
    process.nextTick(() => this.#flushAll());
  }

  /**
   * Adds a viewer that has been sent everything the tail handed over, in the synchronous block in
   * which it was sent. What still waits goes out to the others first: it must not come twice.
   */
  join(sessionId: string, member: RoomMember): void {
    this.#flush(sessionId);
    const room = this.#rooms.get(sessionId);
    if (room) room.members.add(member);
    else this.#rooms.set(sessionId, { members: new Set([member]), waiting: [] });
  }

  leave(sessionId: string, member: RoomMember): void {
    const room = this.#rooms.get(sessionId);
    room?.members.delete(member);
    if (room?.members.size !== 0) return;
    this.#rooms.delete(sessionId);
    this.#waiting.delete(sessionId);
  }

  #flush(sessionId: string): void {
    const room = this.#rooms.get(sessionId);
    const [first] = room?.waiting ?? [];
    const last = room?.waiting.at(-1);
    if (!room || !first || !last) return;
    const frame = frameOf(sessionId, first.revision - 1, room.waiting);
    const bytes = wireBytes(room.waiting);
    room.waiting = [];
    this.#waiting.delete(sessionId);
    const cursor = cursorAt(last);
    const receivers = [...room.members].filter((member) => member.accepts(frame, bytes));
    try {
      const audiences = new Set(receivers.map((member) => member.audience));
      for (const audience of audiences) audience.broadcast(frame);
      for (const member of receivers) member.advance(cursor);
      this.onSent(frame);
    } catch (fault) {
      this.onFault(fault);
      for (const member of receivers) member.fail();
    }
  }

  #flushAll(): void {
    this.#isDue = false;
    for (const sessionId of [...this.#waiting]) this.#flush(sessionId);
  }
}
