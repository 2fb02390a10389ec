import type { EventStream } from './event-stream.ts';

/** Streams that are sent the same, by what they follow: it is encoded once for all of them. */
export class Rooms {
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

  /** Sends whole blocks to all members of a room. */
  write(room: string, blocks: string): void {
    const members = this.#members.get(room);
    if (!members || blocks === '') return;
    const bytes = Buffer.from(blocks);
    for (const stream of members) stream.write(bytes);
  }
}
