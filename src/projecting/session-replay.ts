import { sessionStream } from '@playhead/contract';
import { codeOfFault, type EventLog, type RecordedEvent } from '../log/event-log.ts';
import { pagesOf } from '../log/pages.ts';
import { sessionEventsOf } from './event-source.ts';
import { SessionFold, type FoldOptions } from './fold-session.ts';
import type { Projection } from './projection.ts';

/** What bounds the memory of reading a session. */
export interface ReplayLimits {
  /** Events read at once, */
  readonly readEventsMax: number;
  /** and their bytes, beyond the first. */
  readonly readBytesMax: number;
}

/** Takes the keys of the rows that a page of events has changed. */
type OnPage = (
  changed: ReadonlySet<string>,
  events: readonly RecordedEvent[],
) => Promise<void> | void;

/** A session cannot be folded again here and now; the message is for an operator. */
export class NotRefoldable extends Error {}

/** Reads one session from the log and folds it, as far as a position, and later further. */
export class SessionReplay {
  readonly fold: SessionFold;

  constructor(
    projection: Projection,
    private readonly log: EventLog,
    private readonly sessionId: string,
    private readonly limits: ReplayLimits,
    options?: FoldOptions,
  ) {
    this.fold = new SessionFold(projection, options);
  }

  /**
   * Folds what the log has up to a position, in pages. Returns the keys of the rows that changed.
   * Throws `NotRefoldable` when the log does not have the session from its beginning: rows folded
   * from the rest would be wrong.
   */
  async advanceTo(
    position: string,
    onPage: OnPage = () => undefined,
    limit = this.limits.readEventsMax,
  ): Promise<ReadonlySet<string>> {
    const all = new Set<string>();
    const bounds = { limit, bytesMax: this.limits.readBytesMax };
    const after = this.fold.revision;
    for await (const page of this.#pages({ after, ...bounds })) {
      const due = page.filter((event) => event.position <= position);
      if (this.fold.revision < 0 && due[0] && due[0].revision > 0) {
        throw new NotRefoldable('the log no longer has the beginning of this session');
      }
      const changed = this.fold.take(sessionEventsOf(due));
      for (const key of changed) all.add(key);
      await onPage(changed, due);
      if (this.fold.poison || due.length < page.length) break;
    }
    return all;
  }

  async *#pages(options: { after: number; limit: number; bytesMax: number }) {
    if (this.fold.poison) return;
    try {
      yield* pagesOf(this.log, sessionStream(this.sessionId), options);
    } catch (fault) {
      if (codeOfFault(fault) !== 'deleted') throw fault;
      throw new NotRefoldable('the stream of this session was deleted');
    }
  }
}
