import { sessionStream } from '@playhead/contract';
import type { RecordedEvent } from '../log/event-log.ts';
import type { Tail } from '../log/tail.ts';
import { wireBytes } from './frame.ts';
import { placeAt, type Place } from './place.ts';
import type { ReadLimits, SharedReads } from './shared-reads.ts';

/** Events right after a place, and the place behind them. */
export interface Page {
  readonly events: readonly RecordedEvent[];
  readonly place: Place;
  /** The session had no more events when this was read. */
  readonly isLast: boolean;
}

/** Reads sessions onwards from a place. */
export class SessionReader {
  constructor(
    private readonly reads: SharedReads,
    private readonly tail: Tail,
  ) {}

  /** The next page; the last one may be empty. */
  async next(sessionId: string, place: Place, limits: ReadLimits): Promise<Page> {
    // The tail may not have come yet to a session that another node has just begun.
    const inTail = place.revision < 0 ? undefined : this.nextInTail(sessionId, place, limits);
    return inTail ?? (await this.nextInLog(sessionId, place, limits));
  }

  /**
   * The next page of what the tail has handed over; `undefined` when the tail no longer holds all
   * of its events beyond the place, so that some of the session's may be missing.
   */
  nextInTail(sessionId: string, place: Place, limits: ReadLimits): Page | undefined {
    const stream = sessionStream(sessionId);
    const all = this.tail.after(place.emptyThrough)?.filter((event) => event.stream === stream);
    if (!all) return undefined;
    const events = firstPage(all, limits);
    const isLast = events.length === all.length;
    return { events, place: behind(events, place, this.tail.through), isLast };
  }

  /** The next page of what is in the log. */
  async nextInLog(sessionId: string, place: Place, limits: ReadLimits): Promise<Page> {
    const stream = sessionStream(sessionId);
    const { events: read, asOf } = await this.reads.after(stream, place.revision, limits);
    const events = firstPage(read, limits);
    return { events, place: behind(events, place, asOf), isLast: events.length === 0 };
  }
}

function behind(events: readonly RecordedEvent[], place: Place, through: string): Place {
  const last = events.at(-1);
  if (last) return placeAt(last);
  return through > place.emptyThrough ? { ...place, emptyThrough: through } : place;
}

/** As many of the events, from the first, as fit a page; at least one. */
function firstPage(
  events: readonly RecordedEvent[],
  { limit, bytesMax }: ReadLimits,
): readonly RecordedEvent[] {
  let bytes = 0;
  const end = events.findIndex((event, nth) => {
    bytes += wireBytes([event]);
    return nth >= limit || (nth > 0 && bytes > bytesMax);
  });
  return end < 0 ? events : events.slice(0, end);
}
