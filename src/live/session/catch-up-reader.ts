import { sessionStream } from '@playhead/contract';
import type { RecordedEvent } from '../../log/event-log.ts';
import type { Tail } from '../../log/tail.ts';
import { wireBytes } from '../frames.ts';
import { cursorAt, type Cursor } from './cursor.ts';
import type { ReadLimits, SharedReads } from './shared-reads.ts';

/** Events right after a cursor, and the cursor behind them. */
export interface Page {
  readonly events: readonly RecordedEvent[];
  readonly cursor: Cursor;
  /** The session had no more events when this was read. */
  readonly isLast: boolean;
}

/** Reads sessions onwards from a cursor. */
export class CatchUpReader {
  constructor(
    private readonly reads: SharedReads,
    private readonly tail: Tail,
  ) {}

  /** The next page; the last one may be empty. */
  async next(sessionId: string, cursor: Cursor, limits: ReadLimits): Promise<Page> {
    // The tail may not have reached a session yet that another node has just begun.
    const inTail = cursor.revision < 0 ? undefined : this.nextInTail(sessionId, cursor, limits);
    return inTail ?? (await this.nextInLog(sessionId, cursor, limits));
  }

  /**
   * The next page of what the tail has handed over; `undefined` when the tail no longer holds all
   * of its events beyond the cursor, so that some of the session's may be missing.
   */
  nextInTail(sessionId: string, cursor: Cursor, limits: ReadLimits): Page | undefined {
    const stream = sessionStream(sessionId);
    const all = this.tail.after(cursor.emptyThrough)?.filter((event) => event.stream === stream);
    if (!all) return undefined;
    const events = firstPage(all, limits);
    const isLast = events.length === all.length;
    return { events, cursor: cursorAfter(events, cursor, this.tail.through), isLast };
  }

  /** The next page of what is in the log. */
  async nextInLog(sessionId: string, cursor: Cursor, limits: ReadLimits): Promise<Page> {
    const stream = sessionStream(sessionId);
    const { events: read, asOf } = await this.reads.after(stream, cursor.revision, limits);
    const events = firstPage(read, limits);
    return { events, cursor: cursorAfter(events, cursor, asOf), isLast: events.length === 0 };
  }
}

function cursorAfter(events: readonly RecordedEvent[], cursor: Cursor, through: string): Cursor {
  const last = events.at(-1);
  if (last) return cursorAt(last);
  return through > cursor.emptyThrough ? { ...cursor, emptyThrough: through } : cursor;
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
