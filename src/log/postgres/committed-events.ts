import type { StorableAppend, StoredEvent } from '../codec.ts';
import { boundedPage, type PageBounds } from '../pages.ts';
import type { Appended } from '../event-log.ts';
import { numberOf, positionOf } from '../positions.ts';

/** The events of an append as they lie in the log. */
export function storedEvents(
  { stream, events }: StorableAppend,
  { revision, position }: Appended,
): StoredEvent[] {
  const before = numberOf(position) - events.length;
  const first = revision - events.length + 1;
  return events.map(({ id, type, v, data, meta, bytes }, nth) => ({
    id,
    type,
    v,
    data,
    meta,
    bytes,
    stream,
    revision: first + nth,
    position: positionOf(before + nth + 1),
  }));
}

/**
 * What this process has just committed, kept for a follower so that it need not be read back. One
 * run without gaps: where others wrote in between it begins again, and the follower reads that
 * from the log.
 */
export class CommittedEvents {
  readonly #run: StoredEvent[] = [];
  #bytes = 0;

  /** `bytesMax` bounds what waits for a follower that is slow or far behind. */
  constructor(private readonly bytesMax: number) {}

  /** Takes committed events, in the order of the log and without gaps. */
  offer(events: readonly StoredEvent[]): void {
    const [first] = events;
    const last = this.#run.at(-1);
    if (first && last && numberOf(last.position) + 1 !== numberOf(first.position)) this.clear();
    this.#run.push(...events);
    this.#bytes += bytesOf(events);
    if (this.#bytes > this.bytesMax) this.clear();
  }

  /**
   * The events right after the n-th, and whether nothing came after them when they were committed.
   * Undefined when they are not here.
   */
  after(
    n: number,
    bounds: PageBounds,
  ): { readonly events: readonly StoredEvent[]; readonly isLast: boolean } | undefined {
    const [first] = this.#run;
    const known = first ? n + 1 - numberOf(first.position) : -1;
    if (known < 0) return undefined;
    this.#drop(known);
    if (this.#run.length === 0) return undefined;
    const events = this.#drop(boundedPage(this.#run, bounds).length);
    return { events, isLast: this.#run.length === 0 };
  }

  clear(): void {
    this.#drop(this.#run.length);
  }

  #drop(count: number): readonly StoredEvent[] {
    const dropped = this.#run.splice(0, count);
    this.#bytes -= bytesOf(dropped);
    return dropped;
  }
}

const bytesOf = (events: readonly StoredEvent[]): number =>
  events.reduce((sum, { bytes }) => sum + bytes, 0);
