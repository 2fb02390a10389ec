import { START } from '../event-log.ts';
import { positionOf } from './mapping.ts';
import { each, type ReaderParts } from './reader.ts';

/** How far the log is known to reach, so that its end is found without reading far back. */
export class LogHead {
  #known = START;
  /** Between `#known` and here the server was seen to hold nothing of the log. */
  #searchedTo: string;

  constructor(private readonly parts: ReaderParts) {
    this.#searchedTo = positionOf(parts.origin);
  }

  /** The log holds an event there. */
  reach(position: string): void {
    if (position > this.#known) this.#known = position;
  }

  /** The furthest position that this node has seen an event at. */
  get known(): string {
    return this.#known;
  }

  /** Position of the log's last event, asked of the server. */
  async find(): Promise<string> {
    const from = this.#known > this.#searchedTo ? this.#known : this.#searchedTo;
    const { found, newest } = await findLast(this.parts, (position) => position <= from);
    this.reach(found);
    if (newest > this.#searchedTo) this.#searchedTo = newest;
    return this.#known;
  }
}

/**
 * Reads backwards from the server's end until `isEnough` says that a position lies far enough
 * back, or an event of the log is found: its position. `newest` is where the server's end was.
 */
async function findLast(
  { current, names, answerMs }: ReaderParts,
  isEnough: (position: string) => boolean,
): Promise<{ found: string; newest: string }> {
  return current.ask('read', async (client) => {
    let [found, newest] = [START, START];
    const reading = client.readAll({ direction: 'backwards', fromPosition: 'end' });
    await each(reading, answerMs, ({ position, streamId }) => {
      const at = position ? positionOf(position) : START;
      if (newest === START) newest = at;
      if (isEnough(at)) return false;
      if (names.fromServer(streamId) === undefined) return true;
      found = at;
      return false;
    });
    return { found, newest };
  });
}
