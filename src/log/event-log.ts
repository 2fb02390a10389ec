import type { EventMeta } from '@playhead/contract';

/** An event on its way into the log. `data` and `meta` must survive JSON unchanged. */
export interface NewEvent {
  /** A UUID; the same ids appended again with the same expectation have no second effect. */
  readonly id: string;
  readonly type: string;
  readonly v: number;
  readonly data: unknown;
  readonly meta: EventMeta;
}

/** An event of the log, decoded and upcast to today's shape. */
export interface RecordedEvent extends NewEvent {
  readonly stream: string;
  /** Place in the stream: 0, 1, 2, … without gaps. */
  readonly revision: number;
  /** Place in the whole log: opaque; a later event's is greater when compared as a string. */
  readonly position: string;
  /** Size of the stored data and meta, as JSON in UTF-8; what memory budgets count. */
  readonly bytes: number;
  /** What was stored, where an upcast has lifted it. */
  readonly stored?: Pick<NewEvent, 'v' | 'data'>;
}

/** The event as it was stored, whatever it is read as today: copies and digests are of this. */
export const asStored = ({ stored, ...event }: RecordedEvent): RecordedEvent => ({
  ...event,
  ...stored,
});

/** The position before the first event. */
export const START = '';

/** The expected revision of a stream that must not exist yet. */
export const NO_STREAM = -1;

/** Events for one stream, stored together or not at all. */
export interface Append {
  readonly stream: string;
  /**
   * Revision of the stream's last event (`NO_STREAM`: none), or `any`. With an exact revision the
   * same ids again give the original answer; `any` promises no such thing.
   */
  readonly expected: number | 'any';
  /** At least one. */
  readonly events: readonly NewEvent[];
  /** All events of a session: they may be larger together, as far as the store can. */
  readonly isWholeSession?: boolean | undefined;
}

/** Where the last event of an append lies. */
export interface Appended {
  readonly revision: number;
  readonly position: string;
  /** True when these very events were there before this call. */
  readonly repeated: boolean;
}

/** What a follower hands over: events in log order. */
export interface FollowedBatch {
  readonly events: readonly RecordedEvent[];
  /** Everything up to this position has now been handed over. */
  readonly through: string;
  /** True when nothing beyond `through` was in the log when it was read. */
  readonly caughtUp: boolean;
}

/** A running follower. It heals cut connections by itself and never skips or repeats an event. */
export interface Follower {
  /** Ends when no handler runs any more. */
  stop(): Promise<void>;
}

/** The contract's codes that a log answers with; `LogError` says what each means. */
export type LogErrorCode =
  'conflict' | 'too-large' | 'invalid' | 'deleted' | 'overloaded' | 'unavailable';

/**
 * Why the log did not do what it was asked.
 *
 * - `conflict`: the stream is not where the append expected it; nothing of it was stored.
 * - `too-large`: over the limit of one append, which the message says. `invalid`: no store can
 *   hold it; `field` says what.
 * - `deleted`: somebody deleted the stream for good on the server of the log; no retry helps.
 * - `overloaded`: the queue of waiting appends is full; nothing was stored.
 * - `unavailable`: the store did not answer in time. Only here the outcome of an append is unknown:
 *   retry with the same ids and the same expectation.
 */
export class LogError extends Error {
  constructor(
    readonly code: LogErrorCode,
    message: string,
    readonly field?: string,
  ) {
    super(message);
    this.name = 'LogError';
  }
}

/** The code that a client is answered with when reading the log failed. */
export function codeOfFault(fault: unknown): 'deleted' | 'unavailable' | 'internal' {
  if (!(fault instanceof LogError)) return 'internal';
  return fault.code === 'deleted' ? 'deleted' : 'unavailable';
}

/** Which events of which streams are read, stream by stream. */
export interface StreamRange {
  /** Only streams whose names come after this one, compared by byte. */
  readonly after: string;
  /** Only streams whose names come before this one, or are this one. */
  readonly until: string;
  /** Only events up to this position. */
  readonly through: string;
  /** Events of a page, and bytes of a page beyond its first event. */
  readonly limit: number;
  readonly bytesMax: number;
}

/** Reads streams whole, one after the other: for whoever folds whole sessions. */
export interface StreamReader {
  /**
   * Names of streams, in order, that split those after `after` and up to `until` into about so many
   * parts with as many events each; fewer when there are few events.
   */
  split(range: Pick<StreamRange, 'after' | 'until'>, parts: number): Promise<string[]>;
  /** Pages of events, ordered by stream, then by revision. */
  read(range: StreamRange): AsyncIterable<readonly RecordedEvent[]>;
}

/**
 * The event log: the truth of the service. Every adapter passes
 * `test/conformance/event-log.contract.ts`.
 *
 * This port is the entry of the folder. Read on in `codec.ts` and `upcasts.ts` (what is stored, and
 * how old versions are read), `append-queue.ts` and `following.ts` (what the adapters in `memory/`,
 * `postgres/` and `eventstoredb/` share), `pages.ts`, `snapshots.ts` and `tail.ts` (for readers).
 */
export interface EventLog {
  /** Names this log; positions of another epoch mean nothing here. */
  readonly epoch: string;

  /** Streams that were found deleted on the server; only where that can happen. */
  readonly deletedStreams?: ReadonlySet<string>;

  /** Only where the store can read a stream after another without reading all streams at once. */
  readonly streams?: StreamReader;

  /** Stores the events durably, or throws `LogError`. Resolves only once a crash cannot undo it. */
  append(append: Append): Promise<Appended>;

  /**
   * Events of one stream with `revision > after`, in order, at most `limit` of them and, beyond the
   * first, at most `bytesMax` bytes. Empty when there are none, also for an unknown stream.
   */
  read(
    stream: string,
    options: { after: number; limit: number; bytesMax?: number },
  ): Promise<RecordedEvent[]>;

  /** The last event of a stream, `undefined` when there is none. */
  last(stream: string): Promise<RecordedEvent | undefined>;

  /**
   * Events of all streams with `position > after`, in log order, at most `limit` and fewer when
   * they are large; none only at the end.
   */
  readAll(options: { after: string; limit: number }): Promise<RecordedEvent[]>;

  /** Position of the last event, `START` for an empty log. */
  head(): Promise<string>;

  /** The last event of all streams, `undefined` for an empty log. */
  newest(): Promise<RecordedEvent | undefined>;

  /**
   * Hands over everything after a position, then what is appended from then on. The next batch
   * comes when the handler is done with the last; batches without events only tell `caughtUp`.
   * A handler that throws gets the same batch again.
   */
  follow(after: string, handle: (batch: FollowedBatch) => void | Promise<void>): Follower;

  /** Fails what waits with `unavailable`, stops followers, lets go of connections. */
  close(): Promise<void>;
}
