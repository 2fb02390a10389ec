import { randomUUID } from 'node:crypto';
import { workingPhases } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { START, type EventLog } from '../../log/event-log.ts';
import { checkpointAt, findCheckpoint, type CheckpointState } from '../checkpoints.ts';
import type { Projection } from '../projection.ts';
import { addRebuild, readRebuild } from './jobs.ts';

/** Bounds of first builds. */
export interface FirstBuildLimits {
  readonly projectionBatchMax: number;
  /** A log with fewer events is simply projected from its first event on. */
  readonly firstBuildEventsMin: number;
  /** How long others are waited for that are not known to be empty or not, in milliseconds. */
  readonly firstBuildCollectMs: number;
}

/** What first builds are asked for with. */
export interface FirstBuildOptions {
  readonly dataSource: DataSource;
  readonly log: EventLog;
  readonly projections: readonly Projection[];
  readonly limits: FirstBuildLimits;
}

/**
 * Read models without any row, of a new database or of a log that was restored: where the log is
 * long they are filled as a rebuild is, session by session. All in one reading of the log, so what
 * is asked for waits until the others are known to be empty or not.
 */
export class FirstBuilds {
  #askedAt: number | undefined;
  #isLong: boolean | undefined;

  constructor(private readonly options: FirstBuildOptions) {}

  /** Whether a read model that stands at the start is to wait, since it is being filled. */
  async isComing(name: string, { version }: CheckpointState): Promise<boolean> {
    const { dataSource, log, projections } = this.options;
    const found = await readRebuild(dataSource, name);
    // One of another log is left from before that log was restored.
    if (found?.epoch === log.epoch) return workingPhases.includes(found.phase);
    if (!projections.some((one) => one.name === name && one.version === version)) return false;
    this.#isLong ??= await this.#hasMany();
    if (this.#isLong) this.#askedAt ??= Date.now();
    return this.#isLong;
  }

  /** Puts down what was asked for, with all others that are empty. */
  async request(): Promise<void> {
    const { dataSource, log, projections, limits } = this.options;
    if (this.#askedAt === undefined) return;
    const newest = await log.newest();
    if (!newest) return;
    const job = { job: randomUUID(), automatic: true, dryRun: false, accepted: [] };
    const isDone = await dataSource.transaction('READ COMMITTED', async (manager) => {
      const found = new Map<Projection, CheckpointState | undefined>();
      for (const one of projections) found.set(one, await findCheckpoint(manager, one.name));
      const isWaited = Date.now() - (this.#askedAt ?? 0) >= limits.firstBuildCollectMs;
      const areKnown = [...found.values()].every((one) => one?.epoch === log.epoch);
      if (!areKnown && !isWaited) return false;
      for (const [projection, one] of found) {
        const isEmpty = one?.position === START && one.epoch === log.epoch;
        if (!isEmpty || one.version !== projection.version) continue;
        // Not added where another node was first.
        await addRebuild(manager, projection, job, checkpointAt(one, newest));
      }
      return true;
    });
    if (isDone) this.#askedAt = undefined;
  }

  async #hasMany(): Promise<boolean> {
    const { log, limits } = this.options;
    let [after, events] = [START, 0];
    while (events < limits.firstBuildEventsMin) {
      const page = await log.readAll({ after, limit: limits.projectionBatchMax });
      const last = page.at(-1);
      if (!last) return false;
      after = last.position;
      events += page.length;
    }
    return true;
  }
}
