import type { EventLog, RecordedEvent } from './event-log.ts';

/** Names a way to fold a stream. What another version folded is never taken for this one's. */
export interface Fold {
  readonly name: string;
  readonly version: number;
}

/** What came of folding a part of a stream. */
export interface Snapshot {
  /** Revisions of the first and the last event of the part. */
  readonly from: number;
  readonly revision: number;
  /** Id of the last event: whether it still is in the log is for who reads the snapshot to see. */
  readonly eventId: string;
  /** JSON. */
  readonly data: unknown;
}

/** Folds kept so that a long stream need not be read again. A cache: it may lose what it holds. */
export interface Snapshots {
  /** Parts of a stream by their first revision; they may overlap, and some may be missing. */
  read(fold: Fold, stream: string): AsyncIterable<Snapshot>;

  /** The last part of a stream that ends at or before a revision. */
  lastUpTo(fold: Fold, stream: string, revision: number): Promise<Snapshot | undefined>;

  /**
   * Keeps a part in place of a shorter one that begins at the same revision. `data` is read before
   * this returns and may change afterwards; a part that is too large is not kept.
   */
  keep(fold: Fold, stream: string, snapshot: Snapshot): Promise<void>;

  /** Forgets all parts of a stream. */
  drop(fold: Fold, stream: string): Promise<void>;
}

/** The last event of a snapshot, `undefined` when the log has another one in its place. */
export async function lastEventOf(
  log: EventLog,
  stream: string,
  { revision, eventId }: Snapshot,
): Promise<RecordedEvent | undefined> {
  const [event] = await log.read(stream, { after: revision - 1, limit: 1 });
  return event?.id === eventId ? event : undefined;
}
