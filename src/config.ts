import { z } from 'zod';

/** Every limit of the service. Sizes in bytes, times in milliseconds unless the name says other. */
export const limits = {
  /** One append: data and meta of all its events as JSON. The same in every store. */
  appendBytesMax: 900 * 1024,
  /** Events that one call of the Postgres append function carries. */
  batchEventsMax: 128,
  batchBytesMax: 1024 * 1024,
  /** Appends waiting in a node's queue; beyond it `overloaded`. */
  appendQueueMax: 20_000,
  appendQueueBytesMax: 64 * 1024 * 1024,
  /** Until then an append is retried when the store does not answer, then `unavailable`. */
  appendDeadlineMs: 15_000,
  statementTimeoutMs: 10_000,
  notifyEveryMs: 5,
  /** How often followers look without being told. */
  pollEveryMs: 200,
  /** Events a follower or a replay reads at once. */
  readEventsMax: 1_000,
  /** Bytes of events read at once, beyond the first. */
  readBytesMax: 4 * 1024 * 1024,
  /** Connections that reads of the log share. */
  logReadersMax: 4,
  /** Longest pause before the log tries again what failed. */
  retryPauseMaxMs: 1_000,
  /** Appends that EventStoreDB works on at once. */
  appendsUnderWayMax: 256,
  /** How long it may take to answer one call before its client is made anew. */
  answerMs: 5_000,
  /** A follower that heard nothing from it for so long has something written to be heard, */
  heartbeatEveryMs: 1_000,
  /** and when still nothing came it subscribes anew. */
  silenceMaxMs: 3_000,

  /** Commands that wait for one session, and for all of a node. */
  sessionQueueMax: 1_000,
  commandQueueMax: 20_000,
  commandQueueBytesMax: 64 * 1024 * 1024,
  /** Commands decided into one append. */
  commandsPerAppendMax: 128,
  conflictRetriesMax: 20,
  /** How long a chunk of a message waits for others, and the gathered text that does not. */
  chunkWindowMs: 40,
  chunkWindowCharactersMax: 4_096,
  /** Folded session states kept for the next command. */
  stateCacheBytesMax: 128 * 1024 * 1024,
  /** Events of a session between two snapshots of what is folded of it. */
  snapshotEvery: 1_000,
  /** A larger snapshot is not kept. */
  snapshotBytesMax: 8 * 1024 * 1024,

  /** Newest events kept in memory: for projections just behind, and for who turns live. */
  tailBytesMax: 16 * 1024 * 1024,
  /** Events a projection takes in one transaction. */
  projectionBatchMax: 1_000,
  /** The least time from batch to batch of a projection that keeps up, unless somebody waits, */
  projectionGatherMs: 40,
  /** and how long it rests at most, which is in proportion to what its last batch took. */
  projectionRestMsMax: 200,
  /** The database gives up a projection's transaction that hangs for this long. */
  projectionIdleMsMax: 10_000,
  /** Longest pause before a projection that failed tries again. */
  projectionRetryMaxMs: 5_000,
  /** How long a node that stands by lets the one at work finish before it looks. */
  projectionSettleMs: 20,
  /** A node that stands by takes over when nothing moved for this long though events wait. */
  projectionStandbyMs: 500,
  /** The same where another version was at work: the read model is then built anew. */
  projectionTakeoverMs: 30_000,
  /** Sessions whose last revision a projection remembers, to notice a missing event. */
  projectionSessionsMax: 10_000,

  /** One page of a replay on a socket. */
  replayBytesMax: 256 * 1024,
  /** Bytes of events kept for others who replay the same, such as everybody after a restart. */
  sharedReadsBytesMax: 32 * 1024 * 1024,
  /** Bytes that may wait for one socket; beyond it nothing is pushed, and it reads from the log. */
  viewerBytesMax: 4 * 1024 * 1024,
  /** Events folded between two turns of the event loop. */
  foldSliceMax: 500,
  /** Folded views kept while nobody has them open. */
  viewCacheBytesMax: 64 * 1024 * 1024,
  roomsPerSocketMax: 100,

  /** Sessions that a console's list begins with, and their bytes as JSON. */
  consoleSessionsMax: 5_000,
  consoleListBytesMax: 8 * 1024 * 1024,
  /** What happens within this time goes to consoles in one frame. */
  consoleEveryMs: 25,
  /** Events without anything to tell a console, until its cursor is moved on all the same. */
  consoleQuietMax: 1_000,
  /** Events that a console may have missed and still go on from its cursor. */
  consoleResumeEventsMax: 20_000,
  /** Sessions of which consoles are sent changes only; beyond it some are sent whole again. */
  consoleKnownMax: 50_000,
  /** Sessions kept as they are, to see what the next event changes. */
  consoleCacheBytesMax: 64 * 1024 * 1024,

  /** How long a sign of typing holds. */
  typingMs: 5_000,
  /** What a signal may carry, as JSON. */
  signalBytesMax: 1_024,
  /** Signals in a second: of one socket, and in one session. */
  signalsPerSecond: 10,
  sessionSignalsPerSecond: 50,
  /** The least time between two announcements of who has a session open, */
  presenceEveryMs: 500,
  /** and how many of them are named. */
  presenceViewersMax: 100,

  /** How often a node shows the others that it is there. */
  nodeBeatMs: 1_000,
  /** After so many own beats without a word of another node that one counts as gone. */
  nodeSilentBeatsMax: 3,
  /** Other nodes that are heard. */
  nodesMax: 64,
  /** How long what a node tells others waits for more, */
  nodeGatherMs: 10,
  /** and the bytes that may wait; what is more is dropped. */
  nodePendingBytesMax: 512 * 1024,
  /** Pause before nodes try again to reach each other. */
  nodeRetryMs: 500,
  nodeStatementMs: 3_000,

  /** How often a stream (SSE) on which nothing waits is sent a comment, so that it is kept open. */
  streamHeartbeatMs: 15_000,
  /** A stream's client comes back after this long, or up to twice as long; see `returnMsEach`. */
  streamRetryMs: 2_000,
  /** How long a stream that is ended may take to read what waits for it. */
  streamLingerMs: 300,
  /** Past events that `/api/realtime/stream` begins with. */
  realtimeReplayMax: 100,

  /** Until then a new connection must have shown a key. */
  socketConnectMs: 10_000,
  /** One message of a socket client, as much as over HTTP; a larger one closes the connection. */
  socketMessageBytesMax: 1024 * 1024,

  /** How long an HTTP request may take to arrive. */
  requestMs: 300_000,
  /** One HTTP body, but for event files. */
  bodyBytesMax: 1024 * 1024,
  /** A file of events, and the lines in it. */
  ndjsonBytesMax: 32 * 1024 * 1024,
  ndjsonLinesMax: 50_000,
  /** Characters of one ingested message. */
  messageCharactersMax: 100_000,
  /** How long a key that was looked up is trusted without looking again. */
  keyCacheMs: 500,
  /** How often the keys of connected sockets are looked up, should word of a revocation be lost. */
  keyRecheckMs: 400,
  /** After that a connection whose key was revoked is cut, whatever waits for it. */
  revokedLingerMs: 300,
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
  /** Highest page number; who wants more reads by cursor or exports. */
  pageNumberMax: 1_000_000,
  /** Characters of a search, and the words in it. */
  searchCharactersMax: 200,
  searchWordsMax: 16,
  /** Values that one filter of a search may name. */
  searchFilterValuesMax: 20,
  /** How many of the newest sessions and messages a search goes through before it asks indexes. */
  searchFirstMax: 1_000,
  /** How many sessions and messages that the indexes name a search looks at; if there are more, */
  searchHitsMax: 2_000,
  /** how many of the newest it goes through one by one. */
  searchNewestMax: 10_000,
  /** The database gives up a statement of a search that takes longer. */
  searchStatementMs: 2_000,
  /** Labels that a list of sessions may be narrowed by at once. */
  labelFiltersMax: 10,
  /** How long a read waits for the revision it asks for. */
  minRevisionWaitMs: 5_000,
  eventsPageDefault: 100,
  eventsPageMax: 1_000,
  /** Totals of lists are exact up to here. */
  countExactMax: 10_000,

  /** A follower that has not heard from the log for this long makes the node unready. */
  followerSilenceMaxMs: 15_000,
  /** How long readiness waits for log and database to answer. */
  healthDeadlineMs: 2_000,
  /** Connections of read models and projections. */
  databasePoolMax: 10,
  /** So far apart, for each of them, are those told to come back who are told to leave. */
  returnMsEach: 1,
  /** And so far at most. */
  returnMsMax: 10_000,
  /** How long a stop waits for sockets to take what they are told last. */
  farewellMs: 1_000,
  /** How long a stop waits for running work. */
  shutdownGraceMs: 10_000,
} as const;
export type Limits = { readonly [Name in keyof typeof limits]: number };

const text = z.string().min(1);

const whole = (min: number, max: number) =>
  z
    .string()
    .refine((value) => /^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);

/** A key must fit into the header that carries it. */
const key = (least: number) =>
  z
    .string()
    .regex(
      new RegExp(`^[!-~]{${least},}$`),
      `must be at least ${least} ASCII characters without spaces`,
    );

const environment = z.object({
  PORT: whole(0, 65_535).default(3000),
  HOST: text.default('127.0.0.1'),
  PLAYHEAD_DATA_DIR: text.default('./.playhead'),
  PLAYHEAD_ADMIN_KEY: key(16).optional(),
  AGENTPIPE_BRIDGE_API_KEY: key(8).optional(),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' })
    .optional(),
  EVENTSTORE_URL: z
    .string()
    .regex(/^esdb(\+discover)?:\/\/[^/?]+/, 'must be an esdb:// or esdb+discover:// address')
    .optional(),
  EVENTSTORE_STREAM_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._]{1,64}$/, 'must be 1 to 64 letters, digits, dots or underscores')
    .default(''),
  PLAYHEAD_INGEST_PER_MINUTE: whole(1, 1_000_000).default(100),
  PLAYHEAD_REQUESTS_PER_MINUTE: whole(1, 100_000_000).default(6_000),
  PLAYHEAD_SOCKETS_PER_KEY: whole(1, 1_000_000).default(2_000),
  PLAYHEAD_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** What the environment decides. */
export interface Config {
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly adminKey: string | undefined;
  readonly ingestKey: string | undefined;
  /** The user's Postgres; the embedded one when undefined. */
  readonly databaseUrl: string | undefined;
  /** EventStoreDB that keeps the events; they are in Postgres when undefined. */
  readonly eventStoreUrl: string | undefined;
  /** Before the names of streams there, so that several logs may share a server. */
  readonly eventStorePrefix: string;
  /** Events a minute and conversation that ingest may add. */
  readonly ingestPerMinute: number;
  /** Requests a minute that one key may make of one node. */
  readonly requestsPerMinute: number;
  /** Sockets, and streams beside them, that one key may have open on one node. */
  readonly socketsPerKey: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly limits: Limits;
}

/** A value of the environment is wrong; the message names each variable. */
export class ConfigError extends Error {}

/** Reads the configuration once, at start. Throws `ConfigError`. Empty variables count as unset. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const read = environment.safeParse(set);
  if (!read.success) {
    const wrong = read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(wrong.join('\n'));
  }
  const { data } = read;
  return {
    port: data.PORT,
    host: data.HOST,
    dataDir: data.PLAYHEAD_DATA_DIR,
    adminKey: data.PLAYHEAD_ADMIN_KEY,
    ingestKey: data.AGENTPIPE_BRIDGE_API_KEY,
    databaseUrl: data.DATABASE_URL,
    eventStoreUrl: data.EVENTSTORE_URL,
    eventStorePrefix: data.EVENTSTORE_STREAM_PREFIX,
    ingestPerMinute: data.PLAYHEAD_INGEST_PER_MINUTE,
    requestsPerMinute: data.PLAYHEAD_REQUESTS_PER_MINUTE,
    socketsPerKey: data.PLAYHEAD_SOCKETS_PER_KEY,
    logLevel: data.PLAYHEAD_LOG_LEVEL,
    limits,
  };
}
