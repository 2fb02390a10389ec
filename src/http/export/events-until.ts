import { sessionStream } from '@playhead/contract';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import { pagesOf, type PageBounds } from '../../log/pages.ts';
import { Problem } from '../problem.ts';

/**
 * A session's events from the first up to a revision, page by page: what is appended meanwhile is
 * not in it. Throws `unavailable` rather than leave one out.
 */
export async function* eventsUntil(
  log: EventLog,
  sessionId: string,
  revision: number,
  bounds: PageBounds,
): AsyncGenerator<readonly RecordedEvent[]> {
  let next = 0;
  for await (const page of pagesOf(log, sessionStream(sessionId), { after: -1, ...bounds })) {
    if (page[0]?.revision !== next) break;
    const wanted = page.filter((event) => event.revision <= revision);
    if (wanted.length > 0) yield wanted;
    next += wanted.length;
    if (next > revision) return;
  }
  throw new Problem('unavailable', `the log does not have revision ${next} of this session`);
}
