import { START } from '../event-log.ts';
import { positionOf } from './positions.ts';
import { findLast, type ReaderParts } from './reader.ts';

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
