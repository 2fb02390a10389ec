import type { DataSource } from 'typeorm';
import type { EventLog } from '../log/event-log.ts';
import type { Tail } from '../log/tail.ts';
import type { ContiguityLimits } from './contiguity.ts';
import type { BatchLimits } from './source.ts';

/** How one read model is doing. */
export interface ProjectionStatus {
  readonly name: string;
  /** Everything up to here has been taken. */
  readonly position: string;
  /** Events of the log that are still to be taken, null when there are too many to keep. */
  readonly lagEvents: number | null;
  /** Age of the oldest of them in milliseconds, 0 when there are none. */
  readonly lagMs: number;
  /** Sessions set aside because of an event that could not be taken. */
  readonly parked: number;
  /** Another node is doing the work. */
  readonly standingBy: boolean;
  /** Why it does not get on at the moment; tried again all the time. */
  readonly error: string | null;
}

/** Bounds and delays of a projection's loop, as `config.ts` has them. */
export interface ProjectionLimits extends BatchLimits, ContiguityLimits {
  readonly projectionGatherMs: number;
  readonly projectionRestMsMax: number;
  readonly projectionIdleMsMax: number;
  readonly projectionRetryMaxMs: number;
  readonly projectionSettleMs: number;
  readonly projectionStandbyMs: number;
  readonly projectionTakeoverMs: number;
}

/** Tells an operator what happened to a projection. */
export type Notice = (message: string, about: Readonly<Record<string, unknown>>) => void;

/** What all projections of a node share. */
export interface ProjectionSurroundings {
  readonly dataSource: DataSource;
  readonly log: EventLog;
  readonly tail: Tail;
  readonly limits: ProjectionLimits;
  readonly notice: Notice;
}
