import { sessionStream, type SessionEvent } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import type { EventLog } from '../log/event-log.ts';
import { listDifferences, type ListedDifference } from './differences.ts';
import { sessionEventsOf } from './event-source.ts';
import { findParked, listParked, type ListedParkedSession } from './parked-sessions.ts';
import type { Projection } from './projection.ts';
import { refoldedModelOf, type RefoldedModel } from './read-model.ts';
import { refoldSession, type RefoldLimits } from './refold-session.ts';
import { NotRefoldable } from './session-replay.ts';
import { noteSkippedEvent, skippedEventIds } from './skipped-events.ts';

/** Bounds of repairs, as `config.ts` has them. */
export interface RepairLimits extends RefoldLimits {
  readonly parkedListedMax: number;
  readonly differencesMax: number;
  /** Events that a projection leaves out at most: each loop keeps their ids in memory. */
  readonly skippedEventsMax: number;
}

/** What the repairs of a node stand on. */
export interface RepairContext {
  readonly database: DataSource;
  readonly log: EventLog;
  readonly limits: RepairLimits;
  /** Called when a session of a projection was folded again on this node. */
  readonly onRefolded: (projection: string) => void;
}

/** What came of folding a session again. */
export interface RepairedSession {
  readonly projection: string;
  readonly sessionId: string;
  /** Where it is parked now, null when it is not. */
  readonly parked: ListedParkedSession | null;
  readonly written: number;
}

/** What an operator does about single sessions of the read models. Any node may do it. */
export class SessionRepairs {
  readonly #models: ReadonlyMap<string, RefoldedModel>;

  constructor(
    projections: readonly Projection[],
    private readonly context: RepairContext,
  ) {
    this.#models = new Map(
      projections.map((one) => [one.name, refoldedModelOf(context.database, one)]),
    );
  }

  /** Whether there is a projection of this name. All others take only such names. */
  has(projection: string): boolean {
    return this.#models.has(projection);
  }

  /** Parked sessions of all projections, and how many there are. */
  list(): Promise<{ parked: ListedParkedSession[]; total: number }> {
    return listParked(this.context.database, this.context.limits.parkedListedMax);
  }

  /** A parked session, undefined when it is not parked. */
  find(projection: string, sessionId: string): Promise<ListedParkedSession | undefined> {
    return findParked(this.context.database, projection, sessionId);
  }

  /** The event at which a session is parked, and how many later ones wait. */
  async waiting({ sessionId, revision }: ListedParkedSession): Promise<{
    readonly event: SessionEvent | null;
    readonly waiting: number;
  }> {
    const { log } = this.context;
    const stream = sessionStream(sessionId);
    const [event] = sessionEventsOf(await log.read(stream, { after: revision - 1, limit: 1 }));
    const last = await log.last(stream);
    return { event: event ?? null, waiting: Math.max(0, (last?.revision ?? 0) - revision) };
  }

  /**
   * Folds a session again, from its first event: what is parked goes on, and what differs is as the
   * log says. Throws `NotRefoldable`.
   */
  async refold(projection: string, sessionId: string): Promise<RepairedSession> {
    const model = this.#models.get(projection);
    if (!model) throw new Error(`there is no projection ${projection}`);
    const { database, log, limits } = this.context;
    const { written } = await refoldSession(model, log, sessionId, limits);
    this.context.onRefolded(projection);
    const parked = (await findParked(database, projection, sessionId)) ?? null;
    return { projection, sessionId, parked, written };
  }

  /**
   * Leaves out the event at which a session is parked, for good, and folds the rest. `record` puts
   * that into the log, before anything is left out: the table alone must not say so. Throws
   * `NotRefoldable`.
   */
  async skip(
    parked: ListedParkedSession,
    why: string,
    record: () => Promise<void>,
  ): Promise<RepairedSession> {
    const { database, limits } = this.context;
    const { size } = await skippedEventIds(database, parked.projection);
    if (size >= limits.skippedEventsMax) {
      throw new NotRefoldable(`${parked.projection} leaves out ${size} events already: mend it`);
    }
    await record();
    await noteSkippedEvent(database, parked.projection, parked, why);
    return this.refold(parked.projection, parked.sessionId);
  }

  /** What the continuous check has found in a projection and nobody has healed since. */
  differences(projection: string): Promise<ListedDifference[]> {
    const { database, limits } = this.context;
    return listDifferences(database, projection, limits.differencesMax);
  }
}
