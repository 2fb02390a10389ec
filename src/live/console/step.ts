import type { SessionView } from '@playhead/contract';
import type { RecordedEvent } from '../../log/event-log.ts';
import { evolveEntry, listedSessionOf, type Entry } from './entries.ts';

/** How one session changed in a stretch of the log. */
export interface Change {
  /** Before the stretch: null when there was none, undefined when that is not known. */
  readonly before: SessionView | null | undefined;
  readonly after: SessionView;
  /** Of `after` as JSON. */
  readonly bytes: number;
}

/** A stretch of the log, folded: what consoles are told of it. */
export interface Step {
  readonly from: string;
  readonly through: string;
  readonly changes: readonly Change[];
  readonly events: readonly RecordedEvent[];
  /** Every session with events in the stretch, as it is now. */
  readonly entries: ReadonlyMap<string, Entry>;
}

/** The last revision, and the one before the first, of each session in a stretch of the log. */
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
 * Folds a stretch of the log. `entries` has its sessions as they were before it, or later: where
 * only a later view is to be had, that is what the change leads to, again with each of its events.
 */
export function foldStep(
  from: string,
  through: string,
  events: readonly RecordedEvent[],
  entries: ReadonlyMap<string, Entry>,
): Step {
  const now = new Map(entries);
  const ahead = new Set<string>();
  for (const event of events) {
    const sessionId = listedSessionOf(event);
    const entry = sessionId === undefined ? undefined : now.get(sessionId);
    if (sessionId === undefined || !entry) continue;
    if (event.revision > entry.revision) now.set(sessionId, evolveEntry(entry, event));
    else ahead.add(sessionId);
  }
  const changes = [...now].flatMap(([sessionId, { view: after, bytes }]): Change[] => {
    const before = entries.get(sessionId);
    if (!after || (after === before?.view && !ahead.has(sessionId))) return [];
    return [{ before: ahead.has(sessionId) ? undefined : (before?.view ?? null), after, bytes }];
  });
  return { from, through, changes, events, entries: now };
}
