/** Where the log lies and its limits; sizes in bytes, times in milliseconds. */
export interface PostgresLogOptions {
  /** Of a database whose migrations have run. Not through a pooler of transactions. */
  readonly connectionString: string;
  /** Data and meta of all events of one append. */
  readonly appendBytesMax: number;
  /** The same of a whole session. */
  readonly wholeSessionBytesMax: number;
  /** What one call of the append function carries; a larger append goes alone. */
  readonly batchEventsMax: number;
  readonly batchBytesMax: number;
  /** Appends not answered yet; beyond it `overloaded`. */
  readonly appendQueueMax: number;
  readonly appendQueueBytesMax: number;
  /** How long an append may take, retries included; then `unavailable`. */
  readonly appendDeadlineMs: number;
  readonly statementTimeoutMs: number;
  /** Other nodes are notified of new events at most this often. */
  readonly notifyIntervalMs: number;
  /** Whether there are any, which by default there are; who comes unnoticed looks by itself. */
  readonly hasOthers?: () => boolean;
  /** How often followers look without being notified. */
  readonly pollIntervalMs: number;
  /** What followers read at once; the bytes bound `readAll` as well. */
  readonly readEventsMax: number;
  readonly readBytesMax: number;
  /** Connections that reads share. */
  readonly logReadersMax: number;
  /** Longest pause before something that failed is tried again. */
  readonly retryPauseMaxMs: number;
  /** Takes what an operator should know: the log heals itself, or says why it cannot. */
  readonly warn?: (message: string, about: unknown) => void;
}
