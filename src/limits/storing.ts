/** Limits of the log, of the write path and of projections, in the units of `src/limits.ts`. */
export const storingLimits = {
  /** One append: data and meta of all its events as JSON. The same in every store. */
  appendBytesMax: 900 * 1024,
  /** The same of a whole session, where the store can take it at once; EventStoreDB by its own. */
  wholeSessionBytesMax: 24 * 1024 * 1024,
  /** Events that one call of the Postgres append function carries. */
  batchEventsMax: 128,
  batchBytesMax: 1024 * 1024,
  /** Appends waiting in a node's queue; beyond it `overloaded`. */
  appendQueueMax: 20_000,
  appendQueueBytesMax: 64 * 1024 * 1024,
  /** Until then an append is retried when the store does not answer, then `unavailable`. */
  appendDeadlineMs: 15_000,
  statementTimeoutMs: 10_000,
  notifyIntervalMs: 5,
  /** How often followers poll without a notification. */
  pollIntervalMs: 200,
  /** Events a follower or a replay reads at once. */
  readEventsMax: 1_000,
  /** Bytes of events read at once, beyond the first. */
  readBytesMax: 4 * 1024 * 1024,
  /** Connections that reads of the log share. */
  logReadersMax: 4,
  /** Longest backoff before the log retries. */
  retryPauseMaxMs: 1_000,
  /** Appends that are sent to EventStoreDB and not answered. */
  appendsInFlightMax: 256,
  /** How long it may take to answer one call before its client is replaced. */
  answerMs: 5_000,
  /** A follower that received nothing for so long appends a heartbeat, */
  heartbeatIntervalMs: 1_000,
  /** and when that does not arrive in time it subscribes again. */
  heartbeatTimeoutMs: 3_000,

  /** Commands that wait for one session, and for all of a node. */
  sessionQueueMax: 1_000,
  commandQueueMax: 20_000,
  commandQueueBytesMax: 64 * 1024 * 1024,
  /** Commands decided into one append. */
  commandsPerAppendMax: 128,
  conflictRetriesMax: 20,
  /** How long a chunk of a message waits for more, and the text that does not wait longer. */
  chunkWindowMs: 40,
  chunkWindowCharactersMax: 4_096,
  /** Folded session states kept for the next command. */
  stateCacheBytesMax: 128 * 1024 * 1024,
  /** Events of a session between two snapshots of what is folded of it. */
  snapshotEvery: 1_000,
  /** A larger snapshot is not kept. */
  snapshotBytesMax: 8 * 1024 * 1024,

  /** Events between two snapshots of what a session was like, for reads at a revision, at least; */
  historySnapshotEvery: 250,
  /** together they have at least so many times the bytes of a snapshot. */
  historySnapshotShare: 4,
  /** Sessions as they were at a revision, cached for the next page; the same for views. */
  historyCacheBytesMax: 16 * 1024 * 1024,
  /** Sessions that a node folds from far back at once; more reads of such are `overloaded`. */
  historyFoldsMax: 8,

  /** The list of sessions as it was: sessions that had other views then, */
  listAtSessionsMax: 500,
  /** and events that may be read and folded to find them. */
  listAtEventsMax: 100_000,
  /** Such lists that a node makes at once. */
  listsAtMax: 2,

  /** Newest events kept in memory: for projections that keep up, and for viewers that go live. */
  tailBytesMax: 16 * 1024 * 1024,
  /** Events that a projection applies in one transaction. */
  projectionBatchMax: 1_000,
  /** The least time from batch to batch of a projection that keeps up, unless somebody waits. */
  projectionDebounceMs: 40,
  /** The longest debounce; it is in proportion to the time that the last batch took. */
  projectionDebounceMsMax: 200,
  /** The database gives up a projection's transaction that hangs for this long. */
  projectionIdleMsMax: 10_000,
  /** Longest backoff of a projection that failed. */
  projectionRetryMaxMs: 5_000,
  /** How long a standby node lets the active one finish before it reads the checkpoint. */
  projectionSettleMs: 20,
  /** A standby node takes over when the checkpoint stands this long though events wait. */
  projectionStandbyMs: 500,
  /** The same where the active node has another version: the read model is then rebuilt. */
  projectionTakeoverMs: 30_000,
  /** Sessions whose last revision a projection remembers, to detect a gap. */
  projectionSessionsMax: 10_000,
  /** How often folding one session again starts over when others write to the read model. */
  refoldTriesMax: 20,
  /** Events that one projection may be made to leave out. */
  skippedEventsMax: 1_000,
  /** The continuous check passes over sessions with more events. */
  checkedSessionEventsMax: 50_000,
  /** Differences that one check of a session reports, */
  differencesPerCheckMax: 20,
  /** and those that are kept of a projection. */
  differencesMax: 1_000,
  /** Parked sessions that are listed, those that were parked first. */
  parkedListedMax: 1_000,

  /** A log with fewer events is projected from its first event on; see `FirstBuilds`. */
  firstBuildEventsMin: 10_000,
  /** How long a first build waits for read models that are not yet known to be empty or not. */
  firstBuildCollectMs: 5_000,
  /** Workers of a rebuild, where the machine has as many processors. */
  rebuildWorkersMax: 4,
  /** Parts of the sessions for each worker: who is done early takes another. */
  rebuildPartsPerWorker: 4,
  /** Bytes of events whose rows a rebuild writes together. */
  rebuildChunkBytes: 4 * 1024 * 1024,
  /** A session with more bytes of events is not folded in memory alone. */
  rebuildSessionBytesMax: 16 * 1024 * 1024,
  /** A copy that is further behind than so many events catches up before it is compared. */
  rebuildBehindMax: 20_000,
  /** How often a node looks whether a rebuild waits for somebody who does it. */
  rebuildWatchMs: 1_000,
  /** How often the progress of rebuilds is sent. */
  rebuildProgressMs: 500,
  /** How long a swap lets readers wait while it waits for those before them. */
  swapLockTimeoutMs: 50,
  swapTriesMax: 100,
  /** How long a swap waits for a copy that is behind. */
  swapDeadlineMs: 10_000,
  /** How long rows that were swapped out are kept for a rollback. */
  previousCopyMs: 7 * 24 * 60 * 60 * 1_000,
} as const;
