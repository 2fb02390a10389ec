import type { DataSource } from 'typeorm';
import type { EventLog } from '../log/event-log.ts';
import type { Tail } from '../log/tail.ts';
import type { GapDetectorLimits } from './gap-detection.ts';
import type { BatchLimits } from './event-source.ts';
import type { CheckpointState } from './checkpoints.ts';

/** How one read model is doing. */
export interface ProjectionStatus {
  readonly name: string;
  /** The version whose rows are read; null before it is known. */
  readonly version: number | null;
  /** Everything up to here has been applied. */
  readonly position: string;
  /** Events of the log that are not applied yet, null when there are too many to keep. */
  readonly lagEvents: number | null;
  /** Age of the oldest of them in milliseconds, 0 when there are none. */
  readonly lagMs: number;
  /** Sessions that are parked because of a poison event. */
  readonly parked: number;
  /** Another node does the work; this one would take over. */
  readonly standingBy: boolean;
  /** Why it fails at the moment; it keeps trying. */
  readonly error: string | null;
}

/** Bounds and delays of a projection's loop, as `limits.ts` has them. */
export interface ProjectionLimits extends BatchLimits, GapDetectorLimits {
  readonly projectionDebounceMs: number;
  readonly projectionDebounceMsMax: number;
  readonly projectionIdleMsMax: number;
  readonly projectionRetryMaxMs: number;
  readonly projectionSettleMs: number;
  readonly projectionStandbyMs: number;
  readonly projectionTakeoverMs: number;
}

/** Tells an operator what happened to a projection. */
export type Notice = (message: string, about: Readonly<Record<string, unknown>>) => void;

/** What all projections of a node share. */
export interface ProjectionContext {
  /**
   * Called when the rows that are read are of an older version, or mixed of two: they are kept up
   * meanwhile. Without it, or when it answers false, the table is emptied and filled again while
   * people read it.
   */
  readonly onOutdated?: (projection: string, found: CheckpointState) => Promise<boolean>;
  /**
   * Called while a read model of this log stands at its start, with no row. True while somebody
   * fills it in another way: then it waits, and asks again.
   */
  readonly onEmpty?: (projection: string, found: CheckpointState) => Promise<boolean>;
  readonly dataSource: DataSource;
  readonly log: EventLog;
  readonly tail: Tail;
  readonly limits: ProjectionLimits;
  readonly notice: Notice;
}
