import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLog } from '../log/event-log.ts';
import type { Tail } from '../log/tail.ts';
import type { WakeUpSignal } from '../log/wake-up-signal.ts';
import type { CheckpointState } from './checkpoints.ts';
import type { ProjectionLimits } from './context.ts';

/** By so much longer than its own rows a node watches those of another version. */
const FOREIGN_FACTOR = 6;

/** What a node watches that stands by. */
export interface Watched {
  readonly log: EventLog;
  readonly tail: Tail;
  readonly limits: ProjectionLimits;
  /** Wakes up when something was appended. */
  readonly appended: WakeUpSignal;
  readonly signal: AbortSignal;
  readonly read: () => Promise<CheckpointState>;
  /** Whether rows are of the watching node's version. */
  readonly isOwn: (found: CheckpointState) => boolean;
  /** Called with the position that another node has reached. */
  readonly moved: (position: string) => void;
}

/**
 * Watches the checkpoint that another node moves on. Returns it once it has not moved for a while
 * though events wait: whoever moved it is gone. A node on another log is given longer, since its
 * rows go then. Returns undefined when the signal says to stop.
 */
export async function watchCheckpoint(watched: Watched): Promise<CheckpointState | undefined> {
  const { log, tail, limits, signal, read } = watched;
  let last = await read();
  for (let unmovedSince = Date.now(); !signal.aborted;) {
    // The other node may be debouncing what it has not applied yet.
    if (last.position >= tail.through) await watched.appended.wait(limits.projectionStandbyMs);
    await sleep(limits.projectionSettleMs, undefined, { signal }).catch(() => undefined);
    const found = await read();
    const isOfLog = found.epoch === log.epoch;
    if (isOfLog) watched.moved(found.position);
    if (!isSame(found, last) || found.position >= tail.through) {
      last = found;
      unmovedSince = Date.now();
      continue;
    }
    if (Date.now() - unmovedSince >= patienceMs(watched, found)) return found;
  }
  return undefined;
}

/** Rows of another version are mixed by whoever takes them over, so that must not be by mistake. */
function patienceMs({ log, limits, isOwn }: Watched, found: CheckpointState): number {
  if (found.epoch !== log.epoch) return limits.projectionTakeoverMs;
  return isOwn(found) ? limits.projectionStandbyMs : FOREIGN_FACTOR * limits.projectionStandbyMs;
}

const isSame = (a: CheckpointState, b: CheckpointState): boolean =>
  a.version === b.version &&
  a.epoch === b.epoch &&
  a.position === b.position &&
  a.generation === b.generation;
