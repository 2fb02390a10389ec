import type { EventLog, RecordedEvent } from './event-log.ts';

/** What one read takes at most: so many events and, beyond the first, so many bytes. */
export interface PageBounds {
  readonly limit: number;
  readonly bytesMax: number;
}

/** The first events, as many as fit in a page. */
export function boundedPage<Event extends { readonly bytes: number }>(
  events: readonly Event[],
  { limit, bytesMax }: PageBounds,
): readonly Event[] {
  let bytes = 0;
  const end = events.findIndex((event, index) => {
    bytes += event.bytes;
    return index >= limit || (index > 0 && bytes > bytesMax);
  });
  return end < 0 ? events : events.slice(0, end);
}

/** No event is larger; a page with room for one more was not cut by its size. */
const EVENT_BYTES_MAX = 1024 * 1024;

/**
 * A stream's events beyond a revision, page by page up to its end at the time of the last read.
 * `limit` and `bytesMax` bound what is in memory at once.
 */
export async function* pagesOf(
  log: EventLog,
  stream: string,
  options: { after: number; limit: number; bytesMax: number },
): AsyncGenerator<readonly RecordedEvent[]> {
  const { limit, bytesMax } = options;
  for (let after = options.after; ;) {
    const page = await log.read(stream, { after, limit, bytesMax });
    const last = page.at(-1);
    if (!last) return;
    yield page;
    after = last.revision;
    const bytes = page.reduce((sum, event) => sum + event.bytes, 0);
    const isFull = page.length >= limit || bytes + EVENT_BYTES_MAX > bytesMax;
    if (!isFull) return;
  }
}
