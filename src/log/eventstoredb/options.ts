/** Where the log lies and its limits; sizes in bytes, times in milliseconds. */
export interface EventStoreLogOptions {
  /** An `esdb:` address; of a server that is at least 23.10. */
  readonly connectionString: string;
  /** Before the name of each stream, so that several logs may share a server. None when omitted. */
  readonly streamPrefix?: string;
  /** Data and meta of all events of one append. */
  readonly appendBytesMax: number;
  /** The same of a whole session; the server's own limit is above it. */
  readonly wholeSessionBytesMax: number;
  /** Appends not answered yet; beyond it `overloaded`. */
  readonly appendQueueMax: number;
  readonly appendQueueBytesMax: number;
  /** Appends that the server works on at once. */
  readonly appendsInFlightMax: number;
  /** How long an append may take, retries included; then `unavailable`. */
  readonly appendDeadlineMs: number;
  /** How long the client may take to answer one call before it counts as broken. */
  readonly answerMs: number;
  /** What followers read at once; the bytes bound `readAll` as well. */
  readonly readEventsMax: number;
  readonly readBytesMax: number;
  /** A follower that received nothing for so long makes the log write something to receive, */
  readonly heartbeatIntervalMs: number;
  /** and when still nothing came it subscribes again. */
  readonly heartbeatTimeoutMs: number;
  /** Longest pause before something that failed is tried again. */
  readonly retryPauseMaxMs: number;
  /** Takes what an operator should know: the log heals itself, or says why it cannot. */
  readonly warn?: (message: string, about: unknown) => void;
}
