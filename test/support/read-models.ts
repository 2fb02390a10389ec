import { sessionIdOf, type SessionEvent, type TimelineEntry } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { limits } from '../../src/config.ts';
import { openDatabase } from '../../src/startup/database.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/index.ts';
import { openTail, type Tail } from '../../src/log/tail.ts';
import type { ProjectionLimits } from '../../src/projecting/context.ts';
import { entitiesOf, type Projection } from '../../src/projecting/projection.ts';
import type { FirstBuildLimits } from '../../src/projecting/rebuild/first-builds.ts';
import type { RebuildLimits } from '../../src/projecting/rebuild/run.ts';
import { Projector } from '../../src/projecting/projector.ts';
import { MessageRow, messages } from '../../projections/messages.ts';
import { ParticipantRow, participants } from '../../projections/participants.ts';
import { sessionMetrics } from '../../projections/session-metrics/session-metrics.ts';
import { SessionRow, sessions } from '../../projections/sessions.ts';
import { listTimeline } from '../../projections/timeline.ts';
import { freshDatabase, type TestDatabase } from './database.ts';
import { appendAll, rowKey, type Happening, type Rows } from './histories.ts';
import { TestRebuilds } from './rebuilding.ts';

export { eventually } from './eventually.ts';

/** The limits of a test: real ones, but for what it says; waits are short. */
export const testLimits = (some: Partial<ProjectionLimits & { tailBytesMax: number }> = {}) => ({
  ...limits,
  projectionRetryMaxMs: 100,
  projectionSettleMs: 5,
  projectionStandbyMs: 100,
  ...some,
});

/** One node: a follower and the projections, on a log and a database that nodes may share. */
export interface Node {
  readonly dataSource: DataSource;
  readonly tail: Tail;
  readonly projector: Projector;
  readonly notices: { message: string; about: Readonly<Record<string, unknown>> }[];
  readonly rebuilding: TestRebuilds;
  stop(): Promise<void>;
}

export interface NodeOptions {
  readonly projections?: readonly Projection[];
  readonly limits?: Partial<
    ProjectionLimits & RebuildLimits & FirstBuildLimits & { tailBytesMax: number }
  >;
  /** Called before the projections start; for tests that make the database fail. */
  readonly prepare?: (dataSource: DataSource) => void;
  /** What the projections see instead of the follower. */
  readonly tail?: (tail: Tail) => Tail;
  /** Rows of an older version are kept up and rebuilt beside; without it they are emptied. */
  readonly isRebuilding?: boolean;
  /** Called before a rebuild fills a part. */
  readonly beforePart?: () => void | Promise<void>;
}

export const openReadModels = (url: string): Promise<DataSource> =>
  openDatabase(url, {
    entities: [...entitiesOf([sessionMetrics]), SessionRow, MessageRow, ParticipantRow],
    migrations: [],
    poolSize: 6,
  });

export async function startNode(
  url: string,
  log: EventLog,
  options: NodeOptions = {},
): Promise<Node> {
  const bounds = testLimits(options.limits);
  const dataSource = await openReadModels(url);
  options.prepare?.(dataSource);
  const tail = await openTail(log, { bytesMax: bounds.tailBytesMax });
  const notices: Node['notices'] = [];
  const projections = options.projections ?? [sessions, messages, participants];
  const { beforePart } = options;
  const rebuilding = new TestRebuilds(dataSource, log, {
    ...{ projections, limits: { ...bounds, rebuildWatchMs: 20 } },
    ...(beforePart ? { beforePart } : {}),
  });
  const { rebuilds } = rebuilding;
  const projector = new Projector(projections, {
    ...(options.isRebuilding
      ? {
          onOutdated: (name, found) => rebuilds.replaceOutdated(name, found),
          onEmpty: (name, found) => rebuilds.isBeingFilled(name, found),
        }
      : {}),
    dataSource,
    log,
    tail: options.tail?.(tail) ?? tail,
    limits: bounds,
    notice: (message, about) => void notices.push({ message, about }),
  });
  return {
    dataSource,
    tail,
    projector,
    notices,
    rebuilding,
    async stop() {
      await rebuilds.stop();
      await projector.stop();
      await tail.stop();
      await dataSource.destroy();
    },
  };
}

/** A database and a log of each test's own; the nodes it starts end with it. */
export function readModelFixture() {
  let database: TestDatabase;
  let log: EventLog;
  const nodes: Node[] = [];
  beforeEach(async () => {
    database = await freshDatabase();
    log = openMemoryLog();
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await log.close();
    await database.drop();
  });
  return {
    get log(): EventLog {
      return log;
    },
    append: (...happenings: Happening[]): Promise<string> => appendAll(log, happenings),
    async start(options?: NodeOptions, on: EventLog = log): Promise<Node> {
      const node = await startNode(database.url, on, options);
      nodes.push(node);
      return node;
    },
  };
}

/** Everything that the three read models hold. */
export async function storedRows(dataSource: DataSource): Promise<Rows> {
  const [sessions, messages, participants] = await Promise.all([
    dataSource.getRepository(SessionRow).find(),
    dataSource.getRepository(MessageRow).find(),
    dataSource.getRepository(ParticipantRow).find(),
  ]);
  return {
    sessions: Object.fromEntries(sessions.map((row) => [rowKey(row.sessionId), { ...row }])),
    messages: Object.fromEntries(
      messages.map((row) => [rowKey(row.sessionId, row.messageId), { ...row }]),
    ),
    participants: Object.fromEntries(
      participants.map((row) => [rowKey(row.sessionId, row.participantId), { ...row }]),
    ),
  };
}

/** The whole timeline of a session, read in pages of so many entries. */
export async function storedTimeline(
  dataSource: DataSource,
  sessionId: string,
  limit: number,
): Promise<TimelineEntry[]> {
  const found: TimelineEntry[] = [];
  for (;;) {
    const before = found[0]?.startedRevision;
    const page = await listTimeline(dataSource, sessionId, { before, limit });
    if (page.missing !== undefined) throw new Error(`no row of the entry at ${page.missing}`);
    found.unshift(...page.entries);
    if (!page.hasOlder) return found;
  }
}

/** Every event of the log that belongs to a session, in log order. */
export async function sessionEvents(log: EventLog): Promise<SessionEvent[]> {
  const found: SessionEvent[] = [];
  for (let after = ''; ;) {
    const page = await log.readAll({ after, limit: 1_000 });
    const last = page.at(-1);
    if (!last) return found;
    after = last.position;
    for (const { stream, id, revision, position, type, v, data, meta } of page) {
      const sessionId = sessionIdOf(stream);
      if (sessionId !== undefined) {
        found.push({ id, sessionId, revision, position, type, v, data, meta });
      }
    }
  }
}

/** Stands between a data source and its statements. */
export type QueryWatcher = (
  sql: string,
  parameters: readonly unknown[],
  run: () => Promise<unknown>,
) => Promise<unknown>;

interface Connection {
  query(statement: string | { text: string; values: unknown[] }, ...rest: unknown[]): unknown;
}

/** A connection as projections use it for prepared statements; what TypeORM itself asks passes. */
const watched = (connection: Connection, watch: QueryWatcher): Connection => ({
  query: (statement, ...rest) => {
    const run = () => connection.query(statement, ...rest) as Promise<unknown>;
    return typeof statement === 'string' ? run() : watch(statement.text, statement.values, run);
  },
});

/** Lets a test see, fail or follow up every statement that a data source sends from now on. */
export function watchQueries(dataSource: DataSource, watch: QueryWatcher): void {
  const createQueryRunner = dataSource.createQueryRunner.bind(dataSource);
  dataSource.createQueryRunner = (mode) => {
    const runner = createQueryRunner(mode);
    const query = runner.query.bind(runner) as (...all: unknown[]) => Promise<unknown>;
    runner.query = ((...all: [string, unknown[] | undefined]) =>
      watch(all[0], all[1] ?? [], () => query(...all))) as typeof runner.query;
    const connect = runner.connect.bind(runner);
    runner.connect = async () => watched((await connect()) as Connection, watch);
    return runner;
  };
}
