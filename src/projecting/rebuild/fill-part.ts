import { sessionStream, type SessionEvent } from '@playhead/contract';
import type { DataSource, QueryRunner } from 'typeorm';
import type { EventLog, RecordedEvent, StreamReader } from '../../log/event-log.ts';
import { pagesOf } from '../../log/pages.ts';
import { filledCopyOf } from '../copies.ts';
import { sessionEventOf, sessionEventsOf } from '../event-source.ts';
import { SessionFold } from '../fold-session.ts';
import { isPoison } from '../failures.ts';
import { noteParked, type ParkedSession } from '../parked.ts';
import type { Projection } from '../projection.ts';
import { readModelOf, type ReadModel } from '../read-model.ts';
import { skippedEventIds } from '../skipped-events.ts';
import { CopyText, type CopyConnection } from './copy-rows.ts';
import type { RebuildPart } from './jobs.ts';
import { SessionApplication } from './session-application.ts';

/** Bounds of what a worker holds in memory. */
export interface FillLimits {
  /** Events of one page, and of one batch of a session that does not fit in memory. */
  readonly projectionBatchMax: number;
  readonly readBytesMax: number;
  /** Bytes of the events whose rows are written together. */
  readonly rebuildChunkBytes: number;
  /** A session with more bytes of events goes on row by row, as live ones do. */
  readonly rebuildSessionBytesMax: number;
}

/** One part of a job. */
export interface FillOptions {
  readonly dataSource: DataSource;
  readonly log: EventLog;
  /** Where whole streams are read: the log itself, or what was staged of it. */
  readonly streams: StreamReader;
  readonly projections: readonly Projection[];
  readonly job: string;
  readonly part: RebuildPart;
  /** Position of the last event to be taken. */
  readonly through: string;
  readonly limits: FillLimits;
  readonly signal: AbortSignal;
}

/** A session on its way into the tables. */
interface Session {
  readonly id: string;
  readonly stream: string;
  /** The revision before its first event: the store may have removed what came before. */
  readonly after: number;
  /** None once its rows are text. */
  folds: readonly SessionFold[];
  revision: number;
  events: number;
  bytes: number;
}

/** Events of one session that follow each other in a page. */
interface Run {
  readonly sessionId: string;
  readonly events: SessionEvent[];
  bytes: number;
}

function runsOf(page: readonly RecordedEvent[]): Run[] {
  const runs: Run[] = [];
  for (const recorded of page) {
    const event = sessionEventOf(recorded);
    if (!event) continue;
    let run = runs.at(-1);
    if (run?.sessionId !== event.sessionId) {
      runs.push((run = { sessionId: event.sessionId, events: [], bytes: 0 }));
    }
    run.events.push(event);
    run.bytes += recorded.bytes;
  }
  return runs;
}

/**
 * Fills the tables with the sessions of one part: each is read whole, folded in memory and copied.
 * The rows of some sessions and how far the part is are committed together, so a worker that was
 * killed goes on where it was.
 */
export async function fillPart(options: FillOptions): Promise<void> {
  const { dataSource, streams, part, through, limits, signal } = options;
  const runner = dataSource.createQueryRunner();
  try {
    const connection = (await runner.connect()) as CopyConnection;
    const filling = new Filling(options, runner, connection, await skippedOf(options));
    const range = { after: part.after, until: part.until, through };
    const bounds = { limit: limits.projectionBatchMax, bytesMax: limits.readBytesMax };
    for await (const page of streams.read({ ...range, ...bounds })) {
      signal.throwIfAborted();
      for (const run of runsOf(page)) await filling.take(run);
    }
    await filling.end();
  } finally {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    await runner.release();
  }
}

const skippedOf = ({ dataSource, projections }: FillOptions): Promise<ReadonlySet<string>[]> =>
  Promise.all(projections.map(({ name }) => skippedEventIds(dataSource, name)));

class Filling {
  readonly #models: readonly ReadModel[];
  /** What waits to be copied into the table of each model, */
  readonly #texts: readonly CopyText[];
  /** and its sessions that are parked. */
  readonly #parked: readonly ParkedSession[][];
  /** Sessions that are read whole, and the one that is being read. */
  #sessions: Session[] = [];
  #bytes = 0;
  /** The session that is too large for memory, while there is one. */
  #large: SessionApplication | undefined;

  constructor(
    private readonly options: FillOptions,
    private readonly runner: QueryRunner,
    private readonly connection: CopyConnection,
    /** Ids of events that an operator has taken out, for each projection. */
    private readonly skipped: readonly ReadonlySet<string>[],
  ) {
    this.#models = options.projections.map((projection) =>
      readModelOf(options.dataSource, filledCopyOf(projection)),
    );
    this.#texts = this.#models.map(({ table }) => new CopyText(table.layout.table, table.columns));
    this.#parked = this.#models.map(() => []);
  }

  async take(run: Run): Promise<void> {
    const [first] = run.events;
    if (!first) return;
    const { limits } = this.options;
    let session = this.#sessions.at(-1);
    if (session?.id !== run.sessionId) {
      if (session) this.#encode(session);
      if (this.#large || this.#bytes >= limits.rebuildChunkBytes) await this.#commit();
      this.#sessions.push((session = this.#newSession(first)));
    }
    if (this.#large) await this.#large.take(run.events);
    else for (const fold of session.folds) fold.take(run.events);
    session.revision = run.events.at(-1)?.revision ?? session.revision;
    session.events += run.events.length;
    session.bytes += run.bytes;
    this.#bytes += run.bytes;
    if (!this.#large && session.bytes > limits.rebuildSessionBytesMax) await this.#spill();
  }

  /** Writes what is left, and that the part is done. */
  async end(): Promise<void> {
    if (this.#sessions.length > 0) await this.#commit();
    const { dataSource, job, part } = this.options;
    await dataSource.query('update rebuild_parts set done = true where job = $1 and part = $2', [
      job,
      part.part,
    ]);
  }

  #newSession({ sessionId: id, revision: first }: SessionEvent): Session {
    const after = first - 1;
    const folds = this.options.projections.map(
      (projection, nth) => new SessionFold(projection, { skipped: this.skipped[nth], after }),
    );
    return { id, stream: sessionStream(id), after, folds, revision: after, events: 0, bytes: 0 };
  }

  /** Writes all sessions that were read, with how far the part is. */
  async #commit(): Promise<void> {
    const sessions = this.#sessions;
    if (this.#large) {
      await this.#large.apply();
    } else {
      for (const session of sessions.slice(-1)) this.#encode(session);
      try {
        await this.#begin();
        await this.#copy();
      } catch (failure) {
        if (!isPoison(failure)) throw await this.#undo(failure);
        await this.#undo(failure);
        await this.#begin();
        for (const session of sessions) await this.#applyFromLog(session);
      }
    }
    await this.#finish(sessions);
    this.#sessions = [];
    this.#bytes = 0;
    this.#large = undefined;
  }

  async #begin(): Promise<void> {
    await this.runner.startTransaction('READ COMMITTED');
    // What a crash of the database undoes, rows and progress alike, is done again.
    await this.runner.query('set local synchronous_commit = off');
  }

  async #undo(failure: unknown): Promise<unknown> {
    if (this.runner.isTransactionActive) await this.runner.rollbackTransaction();
    return failure;
  }

  async #finish(sessions: readonly Session[]): Promise<void> {
    const { job, part } = this.options;
    const events = sessions.reduce((sum, session) => sum + session.events, 0);
    const updated = (await this.runner.query(
      `update rebuild_parts set after_stream = $3, events = events + $4
       where job = $1 and part = $2 returning part`,
      [job, part.part, sessions.at(-1)?.stream, events],
    )) as [unknown[], number];
    if (updated[1] !== 1) throw new Error('the rebuild was cancelled');
    await this.runner.commitTransaction();
  }

  /** Makes text of a session's rows, which are many objects. */
  #encode(session: Session): void {
    for (const [nth, { rows, poison }] of session.folds.entries()) {
      for (const row of rows.values()) this.#texts[nth]?.add(row);
      if (poison) this.#parked[nth]?.push(poison);
    }
    session.folds = [];
  }

  async #copy(): Promise<void> {
    try {
      for (const text of this.#texts) await text.send(this.connection);
      for (const [nth, { projection }] of this.#models.entries()) {
        for (const poison of this.#parked[nth] ?? []) {
          await noteParked(this.runner.manager, projection.name, poison);
        }
      }
    } finally {
      for (const text of this.#texts) text.clear();
      for (const parked of this.#parked) parked.splice(0);
    }
  }

  /** Writes what was folded of a session that is too large, which then goes on row by row. */
  async #spill(): Promise<void> {
    const session = this.#sessions.pop();
    if (!session) return;
    if (this.#sessions.length > 0) {
      const bytes = session.bytes;
      await this.#commit();
      this.#bytes = bytes;
    }
    this.#sessions = [session];
    const parked = session.folds.map(({ poison }) => poison !== undefined);
    this.#encode(session);
    await this.#begin();
    try {
      await this.#copy();
      this.#large = this.#applicationOf(session, session.revision, parked);
    } catch (failure) {
      if (!isPoison(failure)) throw failure;
      await this.#undo(failure);
      await this.#begin();
      this.#large = await this.#applyFromLog(session);
    }
  }

  #applicationOf(
    { id: sessionId }: Session,
    after: number,
    parked: readonly boolean[] = [],
  ): SessionApplication {
    const { manager } = this.runner;
    const batchMax = this.options.limits.projectionBatchMax;
    const models = this.#models;
    const skipped = this.skipped;
    return new SessionApplication({
      ...{ manager, models, sessionId, skipped, parked, after, batchMax },
    });
  }

  /** Reads a session once more and applies it with care: some row of it cannot be stored. */
  async #applyFromLog(session: Session): Promise<SessionApplication> {
    const { log, limits, through } = this.options;
    const application = this.#applicationOf(session, session.after);
    const pages = { after: -1, limit: limits.projectionBatchMax, bytesMax: limits.readBytesMax };
    for await (const page of pagesOf(log, session.stream, pages)) {
      const due = sessionEventsOf(page).filter(
        ({ position, revision }) => position <= through && revision <= session.revision,
      );
      if (due.length === 0) break;
      await application.take(due);
    }
    await application.apply();
    return application;
  }
}
