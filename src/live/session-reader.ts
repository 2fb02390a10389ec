import { sessionStream } from '@playhead/contract';
import type { EventLog, RecordedEvent } from '../log/event-log.ts';
import type { Tail } from '../log/tail.ts';
import { wireBytes } from './frame.ts';
import { placeAt, type Place } from './place.ts';

/** Bounds of one page: events, and bytes as they travel, beyond the first event. */
export interface PageLimits {
  readonly limit: number;
  readonly bytesMax: number;
}

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
    private readonly log: EventLog,
    private readonly tail: Tail,
  ) {}

  /** The next page; the last one may be empty. */
  async next(sessionId: string, place: Place, limits: PageLimits): Promise<Page> {
    // The tail may not have come yet to a session that another node has just begun.
    const inTail = place.revision < 0 ? undefined : this.nextInTail(sessionId, place, limits);
    return inTail ?? (await this.nextInLog(sessionId, place, limits));
  }

  /**
   * The next page of what the tail has handed over; `undefined` when the tail no longer holds all
   * of its events beyond the place, so that some of the session's may be missing.
   */
  nextInTail(sessionId: string, place: Place, limits: PageLimits): Page | undefined {
    const stream = sessionStream(sessionId);
    const all = this.tail.after(place.emptyThrough)?.filter((event) => event.stream === stream);
    if (!all) return undefined;
    const events = firstPage(all, limits);
    const isLast = events.length === all.length;
    return { events, place: behind(events, place, this.tail.through), isLast };
  }

  /** The next page of what is in the log. */
  async nextInLog(sessionId: string, place: Place, limits: PageLimits): Promise<Page> {
    // What the tail has handed over was committed before this read begins, so the read sees it:
    // if it finds nothing, the session has nothing up to there.
    const { through } = this.tail;
    const read = await this.log.read(sessionStream(sessionId), {
      after: place.revision,
      ...limits,
    });
    const events = firstPage(read, limits);
    return { events, place: behind(events, place, through), isLast: events.length === 0 };
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
  { limit, bytesMax }: PageLimits,
): readonly RecordedEvent[] {
  let bytes = 0;
  const end = events.findIndex((event, nth) => {
    bytes += wireBytes([event]);
    return nth >= limit || (nth > 0 && bytes > bytesMax);
  });
  return end < 0 ? events : events.slice(0, end);
}
