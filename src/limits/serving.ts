/** Limits of what clients send, ask for and are sent, in the units of `src/limits.ts`. */
export const servingLimits = {
  /** One page of a replay on a socket. */
  replayBytesMax: 256 * 1024,
  /** Bytes of log pages cached for viewers that replay the same, as after a restart. */
  sharedReadsBytesMax: 32 * 1024 * 1024,
  /** Write buffer of one socket; beyond it nothing is pushed, and it catches up from the log. */
  viewerBytesMax: 4 * 1024 * 1024,
  /** Events folded between two turns of the event loop. */
  foldSliceMax: 500,
  /** Folded views kept while nobody has them open. */
  viewCacheBytesMax: 64 * 1024 * 1024,
  roomsPerSocketMax: 100,

  /** Sessions that a console's list begins with, and their bytes as JSON. */
  consoleSessionsMax: 5_000,
  consoleListBytesMax: 8 * 1024 * 1024,
  /** Changes within this time go to consoles in one frame. */
  consoleBatchMs: 25,
  /** After so many events that do not concern a console its cursor is moved on. */
  consoleIdleEventsMax: 1_000,
  /** Events that a console may have missed and still go on from its cursor. */
  consoleResumeEventsMax: 20_000,
  /** Sessions of which a room of consoles is sent changed fields; others are sent whole. */
  consolePatchedSessionsMax: 50_000,
  /** Sessions cached to compute what the next event changes. */
  consoleCacheBytesMax: 64 * 1024 * 1024,

  /** How long a typing signal holds. */
  typingMs: 5_000,
  /** What a signal may carry, as JSON. */
  signalBytesMax: 1_024,
  /** Signals in a second: of one socket, and in one session. */
  signalsPerSecond: 10,
  sessionSignalsPerSecond: 50,
  /** The least time between two announcements of who has a session open, */
  presenceIntervalMs: 500,
  /** and how many of them are named. */
  presenceViewersMax: 100,

  /** How often a node sends the others a heartbeat. */
  nodeHeartbeatMs: 1_000,
  /** A node that is silent for so many heartbeats of the listener counts as gone. */
  nodeMissedHeartbeatsMax: 3,
  /** Other nodes that are listened to. */
  nodesMax: 64,
  /** How long messages to other nodes are batched, */
  nodeBatchMs: 10,
  /** and the bytes that may wait; more is dropped. */
  nodePendingBytesMax: 512 * 1024,
  /** Pause before nodes try again to reach each other. */
  nodeRetryMs: 500,
  nodeStatementMs: 3_000,

  /** How often an idle stream (SSE) is sent a comment, which keeps it open. */
  streamHeartbeatMs: 15_000,
  /**
   * A stream's client comes back after this long, or up to twice as long; see `reconnectMsEach`.
   */
  streamRetryMs: 2_000,
  /** How long a stream that is ended may take to read its buffer. */
  streamGraceMs: 300,
  /** The longest pause of a replay, and what each pause may be shortened to. */
  replayPauseMaxMs: 24 * 60 * 60 * 1_000,
  /** A replay that is later than this, for a slow client, does not make up for it. */
  replayLateMs: 1_000,
  /** Past events that `/api/realtime/stream` begins with. */
  realtimeReplayMax: 100,

  /** A new connection must show a key within this time. */
  socketConnectMs: 10_000,
  /** Connections of sockets without a key, in all and of one address; more are refused. */
  unauthenticatedSocketsMax: 5_000,
  unauthenticatedSocketsPerAddressMax: 2_000,
  /** One message of a socket client, as much as over HTTP; a larger one closes the connection. */
  socketMessageBytesMax: 1024 * 1024,

  /** How long a browser may remember what a preflight answered, in seconds. */
  preflightMaxAgeS: 600,
  /** How long an HTTP request may take to arrive, but for an import. */
  requestMs: 300_000,
  /** One HTTP body, but for event files. */
  bodyBytesMax: 1024 * 1024,
  /** A whole session that is uploaded. */
  uploadBytesMax: 16 * 1024 * 1024,
  /** A file of events, and the lines in it. */
  ndjsonBytesMax: 32 * 1024 * 1024,
  ndjsonLinesMax: 50_000,
  /** Characters of one ingested message. */
  messageCharactersMax: 100_000,
  /** Uploads of whole sessions that one key may store in a minute on one node, */
  uploadsPerMinute: 10,
  /** the messages of one, */
  uploadMessagesMax: 10_000,
  /** and how many faults of one are named; more are counted. */
  uploadFaultsMax: 1_000,
  /** One line of an imported file, as with a pasted image in it, and one that is a document. */
  lineBytesMax: 32 * 1024 * 1024,
  documentBytesMax: 64 * 1024 * 1024,
  /** A whole imported file, */
  importBytesMax: 16 * 1024 * 1024 * 1024,
  /** and one of those uploaded as `multipart/form-data`. */
  uploadFileBytesMax: 50 * 1024 * 1024,
  uploadFilesMax: 100,
  /** What one imported event may hold beside its text; more becomes a file. */
  importEntryBytesMax: 128 * 1024,
  /** Entries of an import that wait to be stored, and their bytes. */
  importEntriesInFlight: 256,
  importBytesInFlight: 4 * 1024 * 1024,
  /** Lines of an import that are named as unreadable, and sessions; more are counted. */
  importFaultsMax: 1_000,
  importSessionsListedMax: 1_000,
  /** Imports at work on a node; more are `overloaded`. */
  importsMax: 4,
  /** How often the progress of an import is sent. */
  importProgressMs: 250,
  /** How long the file of an import may take to arrive. */
  importMs: 6 * 60 * 60 * 1_000,
  /** An import whose file stops arriving for so long is ended. */
  importStallMs: 60_000,
  /** Bytes of one attachment. */
  attachmentBytesMax: 256 * 1024 * 1024,
  /** Bytes of an attachment that one row holds, and that are read at once. */
  attachmentPieceBytes: 256 * 1024,
  /** Attachments that one node takes at once; more are `overloaded`. */
  attachmentPutsMax: 64,
  /** A download whose client takes nothing for so long is cut. */
  attachmentStallMs: 60_000,
  /** How long an attachment is kept that no session refers to, */
  attachmentGraceMs: 24 * 60 * 60 * 1_000,
  /** after how long an upload that is not whole counts as broken off, */
  attachmentUploadMs: 60 * 60 * 1_000,
  /** and how often a node looks for both. */
  attachmentSweepMs: 10 * 60 * 1_000,
  /** How long a key that was looked up is cached. */
  keyCacheMs: 500,
  /** How often the keys of connected sockets are checked, in case a revocation was missed. */
  keyRecheckMs: 400,
  /** After that a connection whose key was revoked is cut, whatever waits for it. */
  revokedGraceMs: 300,
  /** Valid keys of the database. */
  keysMax: 1_000,
  /** Keys in the list: all valid ones, then the last revoked. */
  keysListedMax: 2_000,
  /** Sessions and consoles that one key may open in a minute on one node. */
  opensPerMinute: 6_000,
  /** What one key may send on its sockets in a minute, for each request over HTTP it may make. */
  socketMessagesPerRequest: 10,

  pageDefault: 20,
  pageMax: 100,
  /** Characters of the entries on a page of a timeline; its last entry is there in any case. */
  timelinePageCharactersMax: 1024 * 1024,
  /** Messages of a conversation on one page of AgentPipe's list of them, */
  conversationMessagesDefault: 50,
  /** and messages that are read at once for the whole conversation. */
  conversationMessagesMax: 16,
  /** The newest messages of all conversations, and how many there are at most. */
  recentMessagesDefault: 10,
  recentMessagesMax: 50,
  /** Days, agent types or models on a page of metrics. */
  metricGroupsDefault: 100,
  metricGroupsMax: 1_000,
  /** Agent types of a summary. */
  topAgentsMax: 10,
  /** Highest page number; who wants more reads by cursor or exports. */
  pageNumberMax: 1_000_000,
  /** Characters of a search, and the words in it. */
  searchCharactersMax: 200,
  searchWordsMax: 16,
  /** Values that one filter of a list or a search may name. */
  filterValuesMax: 20,
  /** How many of the newest entries a search goes through before it asks the index; */
  searchNewestMax: 1_024,
  /** among how many recent ones it then asks the index, before it asks it for all. */
  searchRecentMax: 65_536,
  /** How long it is remembered since when entries are recent. */
  searchRecentCacheMs: 60_000,
  /** A search that comes upon more entries says that there may be more. */
  searchHitsMax: 5_000,
  /** Hits from which a search in AgentPipe's shape makes its list of sessions. */
  searchedConversationHitsMax: 1_000,
  /** First messages that it shows of a session, and characters of each. */
  searchPreviewMessagesMax: 3,
  searchPreviewCharactersMax: 1_000,
  /** The database gives up a statement of a search that takes longer. */
  searchStatementMs: 2_000,
  /** Labels that a list of sessions may be narrowed by at once. */
  labelFiltersMax: 10,
  /** How long a read waits for the revision it asks for. */
  minRevisionWaitMs: 5_000,
  /** Bytes of a session's events, or of its messages, that an export reads at once, */
  exportBytesMax: 4 * 1024 * 1024,
  /** and messages. */
  exportMessagesMax: 100,
  /** Exports at work on a node; more are `overloaded`. */
  exportsMax: 20,
  /** An export whose client takes nothing for so long is cut. */
  exportStallMs: 60_000,
  eventsPageDefault: 100,
  eventsPageMax: 1_000,
  /** Totals of lists are exact up to here. */
  countExactMax: 10_000,
  /** How long the total of a list of more than 1,000 sessions is cached. */
  countCacheMs: 2_000,

  /** How often it is checked how much of the disk is free. */
  diskCheckMs: 10_000,
  /** A follower that has not reached the log for this long makes the node unready. */
  followerTimeoutMs: 15_000,
  /** How long readiness waits for log and database to answer. */
  healthDeadlineMs: 2_000,
  /** Connections of read models and projections. */
  databasePoolMax: 10,
  /** A stopping node spreads its clients' reconnects by so much for each client, */
  reconnectMsEach: 1,
  /** and by so much at most. */
  reconnectMsMax: 10_000,
  /** How long a stop waits until write buffers are flushed. */
  stopFlushMs: 1_000,
  /** How long a stop waits for running work. */
  shutdownGraceMs: 10_000,
} as const;
