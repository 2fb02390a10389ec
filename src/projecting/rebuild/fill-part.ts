import { sessionStream, type SessionEvent } from '@playhead/contract';
import type { DataSource, QueryRunner } from 'typeorm';
import type { EventLog, StreamReader } from '../../log/event-log.ts';
import { pagesOf } from '../../log/pages.ts';
import { applyInHalves, type Application } from '../bisecting-apply.ts';
import { copyOf } from '../copies.ts';
import { sessionEventsOf } from '../event-source.ts';
import { SessionFold } from '../fold-session.ts';
import { isPoison } from '../failures.ts';
import { noteParked } from '../parked.ts';
import type { Projection } from '../projection.ts';
import { readModelOf, type ReadModel } from '../read-model.ts';
import { skippedEventIds } from '../skipped-events.ts';
import { copyRows, type CopyConnection } from './copy-rows.ts';
import type { RebuildPart } from './jobs.ts';

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
  readonly folds: readonly SessionFold[];
  revision: number | undefined;
  events: number;
  bytes: number;
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
      const bytes = new Map(page.map((event) => [event.id, event.bytes]));
      for (const event of sessionEventsOf(page)) {
        await filling.take(event, bytes.get(event.id) ?? 0);
      }
    }
    await filling.end();
  } finally {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    await runner.release();
  }
}

const skippedOf = ({ dataSource, projections }: FillOptions): Promise<ReadonlySet<string>[]> =>
  Promise.all(projections.map(({ name }) => skippedEventIds(dataSource, name)));

/** Where the batches of a session go that is too large for memory. */
interface LargeApplication extends Application {
  readonly misplaced: Map<string, string>;
}

class Filling {
  readonly #models: readonly ReadModel[];
  /** Sessions that are read whole, and the one that is being read. */
  #sessions: Session[] = [];
  #bytes = 0;
  /** The application of the session that is too large for memory, while there is one. */
  #large: { applications: LargeApplication[]; batch: SessionEvent[] } | undefined;

  constructor(
    private readonly options: FillOptions,
    private readonly runner: QueryRunner,
    private readonly connection: CopyConnection,
    /** Ids of events that an operator has taken out, for each projection. */
    private readonly skipped: readonly ReadonlySet<string>[],
  ) {
    this.#models = options.projections.map((projection) =>
      readModelOf(options.dataSource, copyOf(projection, 'rebuild')),
    );
  }

  async take(event: SessionEvent, bytes: number): Promise<void> {
    const { limits } = this.options;
    let session = this.#sessions.at(-1);
    if (session?.id !== event.sessionId) {
      if (this.#large || this.#bytes >= limits.rebuildChunkBytes) await this.#commit();
      this.#sessions.push((session = this.#newSession(event)));
    }
    const last = session.revision ?? event.revision - 1;
    const misplaced =
      event.revision === last + 1
        ? undefined
        : `revision ${event.revision} comes right after ${last}`;
    session.revision = event.revision;
    session.events += 1;
    session.bytes += bytes;
    this.#bytes += bytes;
    if (this.#large) await this.#takeLarge(event, misplaced);
    else for (const fold of session.folds) fold.take([event]);
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

  #newSession({ sessionId: id, revision }: SessionEvent): Session {
    const folds = this.options.projections.map(
      (projection, nth) =>
        new SessionFold(projection, {
          skipped: this.skipped[nth] ?? new Set(),
          // The store may have removed what came before.
          after: revision - 1,
        }),
    );
    return { id, stream: sessionStream(id), folds, revision: undefined, events: 0, bytes: 0 };
  }

  /** Writes all sessions that were read, with how far the part is. */
  async #commit(): Promise<void> {
    const sessions = this.#sessions;
    if (this.#large) {
      await this.#applyLarge();
    } else {
      try {
        await this.#begin();
        await this.#copy(sessions);
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

  async #copy(sessions: readonly Session[]): Promise<void> {
    for (const [nth, model] of this.#models.entries()) {
      const folds = sessions.flatMap(({ folds }) => folds[nth] ?? []);
      await copyRows(
        this.connection,
        model.table,
        folds.flatMap(({ rows }) => [...rows.values()]),
      );
      for (const { poison } of folds) {
        if (poison) await noteParked(this.runner.manager, model.projection.name, poison);
      }
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
    await this.#begin();
    try {
      await this.#copy([session]);
      const isParked = (nth: number): boolean => session.folds[nth]?.poison !== undefined;
      this.#large = { applications: this.#applicationsOf(session, isParked), batch: [] };
    } catch (failure) {
      if (!isPoison(failure)) throw failure;
      await this.#undo(failure);
      await this.#begin();
      const applications = await this.#applyFromLog(session);
      this.#large = { applications, batch: [] };
    }
  }

  /** `isParked` tells for which of the projections the session is parked already. */
  #applicationsOf(session: Session, isParked: (nth: number) => boolean): LargeApplication[] {
    return this.#models.map(({ projection, table }, nth) => ({
      ...{ manager: this.runner.manager, projection, table },
      misplaced: new Map<string, string>(),
      skipped: new Set(isParked(nth) ? [session.id] : []),
      parked: [],
    }));
  }

  async #takeLarge(event: SessionEvent, misplaced: string | undefined): Promise<void> {
    const large = this.#large;
    if (!large) return;
    large.batch.push(event);
    if (misplaced !== undefined) {
      for (const { misplaced: all } of large.applications) all.set(event.id, misplaced);
    }
    if (large.batch.length >= this.options.limits.projectionBatchMax) await this.#applyLarge();
  }

  async #applyLarge(): Promise<void> {
    const { applications, batch } = this.#large ?? { applications: [], batch: [] };
    const events = batch.splice(0);
    for (const [nth, application] of applications.entries()) {
      const skipped = this.skipped[nth];
      await applyInHalves(
        application,
        skipped ? events.filter(({ id }) => !skipped.has(id)) : events,
      );
    }
  }

  /** Reads a session once more and applies it with care: some row of it cannot be stored. */
  async #applyFromLog(session: Session): Promise<LargeApplication[]> {
    const { log, limits, through } = this.options;
    const applications = this.#applicationsOf(session, () => false);
    let last: number | undefined;
    const pages = { after: -1, limit: limits.projectionBatchMax, bytesMax: limits.readBytesMax };
    for await (const page of pagesOf(log, session.stream, pages)) {
      const due = sessionEventsOf(page).filter(
        ({ position, revision }) => position <= through && revision <= (session.revision ?? -1),
      );
      if (due.length === 0) break;
      for (const { id, revision } of due) {
        if (last !== undefined && revision !== last + 1) {
          const fault = `revision ${revision} comes right after ${last}`;
          for (const { misplaced } of applications) misplaced.set(id, fault);
        }
        last = revision;
      }
      this.#large = { applications, batch: due };
      await this.#applyLarge();
      this.#large = undefined;
    }
    return applications;
  }
}
