import type { SessionView } from '@playhead/contract';
import type { RecordedEvent } from '../../log/event-log.ts';
import { evolveCached, listedSessionOf, type CachedSession } from './session-cache.ts';

/** How one session changed in a batch of the log. */
export interface Change {
  /** Before the batch: null when there was none, undefined when that is not known. */
  readonly before: SessionView | null | undefined;
  readonly after: SessionView;
  /** Of `after` as JSON. */
  readonly bytes: number;
}

/** A batch of the log, folded: what consoles are sent of it. */
export interface FoldedBatch {
  readonly from: string;
  readonly through: string;
  readonly changes: readonly Change[];
  readonly events: readonly RecordedEvent[];
  /** Every session with events in the batch, as it is after it. */
  readonly sessions: ReadonlyMap<string, CachedSession>;
}

/** The last revision, and the one before the first, of each session in a batch of the log. */
export function revisionsIn(events: readonly RecordedEvent[]) {
  const before = new Map<string, number>();
  const last = new Map<string, number>();
  for (const event of events) {
    const sessionId = listedSessionOf(event);
    if (sessionId === undefined) continue;
    if (!before.has(sessionId)) before.set(sessionId, event.revision - 1);
    last.set(sessionId, event.revision);
  }
  return { before, last };
}

/**
 * Folds a batch of the log. `sessions` has the sessions of the batch as they were before it, or
 * later. Where only a later view is available, each event of the session leads to that view.
 */
export function foldBatch(
  from: string,
  through: string,
  events: readonly RecordedEvent[],
  sessions: ReadonlyMap<string, CachedSession>,
): FoldedBatch {
  const now = new Map(sessions);
  const ahead = new Set<string>();
  for (const event of events) {
    const sessionId = listedSessionOf(event);
    const session = sessionId === undefined ? undefined : now.get(sessionId);
    if (sessionId === undefined || !session) continue;
    if (event.revision > session.revision) now.set(sessionId, evolveCached(session, event));
    else ahead.add(sessionId);
  }
  const changes = [...now].flatMap(([sessionId, { view: after, bytes }]): Change[] => {
    const before = sessions.get(sessionId);
    if (!after || (after === before?.view && !ahead.has(sessionId))) return [];
    return [{ before: ahead.has(sessionId) ? undefined : (before?.view ?? null), after, bytes }];
  });
  return { from, through, changes, events, sessions: now };
}
