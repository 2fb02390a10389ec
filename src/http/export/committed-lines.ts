import { sessionIdOf } from '@playhead/contract';
import { asStored, type EventLog, type RecordedEvent } from '../../log/event-log.ts';
import type { PageBounds } from '../../log/pages.ts';
import { eventsUntil } from './events-until.ts';

/**
 * Up to a revision a session's events as they were committed, in the version in which they were,
 * each on a line. Without their positions, which mean something in this log alone.
 */
export async function* committedLines(
  log: EventLog,
  sessionId: string,
  revision: number,
  bounds: PageBounds,
): AsyncGenerator<string> {
  for await (const page of eventsUntil(log, sessionId, revision, bounds)) {
    yield page.map((event) => `${lineOf(asStored(event))}\n`).join('');
  }
}

const lineOf = ({ id, stream, revision, type, v, data, meta }: RecordedEvent): string =>
  JSON.stringify({ id, sessionId: sessionIdOf(stream), revision, type, v, data, meta });
