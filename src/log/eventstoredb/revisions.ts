import type { RecordedEvent } from '../event-log.ts';

/** Streams whose last revision is remembered; those that moved last. */
const STREAMS_MAX = 10_000;

/** Last revisions of streams, to notice that a subscription left out an event. */
export class Revisions {
  readonly #last = new Map<string, number>();

  /** Throws when an event does not come right after the one before it in its stream. */
  follow({ stream, revision }: Pick<RecordedEvent, 'stream' | 'revision'>): void {
    const last = this.#last.get(stream);
    if (last !== undefined && revision !== last + 1) {
      throw new Error(`${stream} has a hole: revision ${revision} follows ${last}`);
    }
    this.#last.delete(stream);
    this.#last.set(stream, revision);
    if (this.#last.size <= STREAMS_MAX) return;
    for (const oldest of this.#last.keys()) {
      this.#last.delete(oldest);
      break;
    }
  }
}
