import type { EventStream } from './event-stream.ts';

/** Streams that are sent the same, by what they follow: it is encoded once for all of them. */
export class StreamRooms {
  readonly #members = new Map<string, Set<EventStream>>();

  join(room: string, stream: EventStream): void {
    const members = this.#members.get(room);
    if (members) members.add(stream);
    else this.#members.set(room, new Set([stream]));
  }

  leave(room: string, stream: EventStream): void {
    const members = this.#members.get(room);
    members?.delete(stream);
    if (members?.size === 0) this.#members.delete(room);
  }

  /** Sends whole text to all members of a room. */
  write(room: string, text: string): void {
    const members = this.#members.get(room);
    if (!members || text === '') return;
    const bytes = Buffer.from(text);
    for (const stream of members) stream.write(bytes);
  }
}
