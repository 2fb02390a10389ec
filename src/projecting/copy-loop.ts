import { setTimeout as sleep } from 'node:timers/promises';
import { WakeUpSignal } from '../log/wake-up-signal.ts';
import { applyBatch } from './apply-batch.ts';
import { checkpointAt, findCheckpoint, markMixed, type CheckpointState } from './checkpoints.ts';
import type { ProjectionContext } from './context.ts';
import { copyName, copyOf, logicOf, type CopyKind } from './copies.ts';
import { EventSource, sessionEventsOf } from './event-source.ts';
import { GapDetector } from './gap-detection.ts';
import { messageOf } from './failures.ts';
import type { Projection } from './projection.ts';
import { readModelOf, type ReadModel } from './read-model.ts';

/**
 * Keeps a copy of a read model near the head of the log for as long as it is there: one that waits
 * to be swapped in, or one that was swapped out and may have to come back. Nobody reads it, so it
 * may be some hundred milliseconds behind.
 */
export class CopyLoop {
  readonly running: Promise<void>;
  readonly #name: string;
  readonly #source: EventSource;
  readonly #appended = new WakeUpSignal();
  readonly #stopping = new AbortController();
  readonly #gaps: GapDetector;
  #model: { readonly version: number; readonly model: ReadModel } | undefined;
  #error: string | undefined;
  #unmoved: { readonly position: string; readonly since: number } | undefined;

  constructor(
    private readonly projection: Projection,
    private readonly kind: CopyKind,
    private readonly context: ProjectionContext,
  ) {
    this.#name = copyName(projection.name, kind);
    this.#source = new EventSource(context.log, context.tail, context.limits);
    this.#gaps = new GapDetector(context.log, context.limits);
    const forget = context.tail.listen(({ events }) => {
      if (events.length > 0) this.#appended.wake();
    });
    this.running = this.#run().finally(forget);
  }

  /** Ends once the batch at work is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#appended.wake();
    await this.running;
  }

  async #run(): Promise<void> {
    const { limits } = this.context;
    for (let isThere = true; isThere && !this.#stopping.signal.aborted;) {
      try {
        isThere = await this.#applyNext();
        this.#error = undefined;
      } catch (failure) {
        const error = messageOf(failure);
        const about = { projection: this.#name, error };
        if (error !== this.#error) this.context.notice('a copy fails and is tried again', about);
        this.#error = error;
        await this.#sleep(limits.projectionRetryMaxMs);
      }
    }
  }

  /** False when the copy is gone. */
  async #applyNext(): Promise<boolean> {
    const { limits, dataSource, log } = this.context;
    const found = await findCheckpoint(dataSource.manager, this.#name);
    if (!found) return false;
    const isOfLog = found.epoch === log.epoch;
    const model = isOfLog ? await this.#modelOf(found) : undefined;
    const batch = model ? await this.#source.next(found.position) : [];
    const last = batch.at(-1);
    if (!model || !last) {
      await this.#appended.wait(limits.projectionStandbyMs);
      return true;
    }
    const { events, misplaced } = await this.#gaps.fillGaps(sessionEventsOf(batch));
    const moves = { from: found, to: checkpointAt(found, last), hasParked: found.parked > 0 };
    const parked = await applyBatch(
      model,
      { events: events.filter(({ id }) => !found.skipped.includes(id)), misplaced, ...moves },
      limits.projectionIdleMsMax,
    );
    if (!parked) {
      // Another node keeps it up.
      this.#gaps.forget();
      await this.#sleep(limits.projectionStandbyMs);
      return true;
    }
    this.#gaps.applied(events);
    if (batch.length < limits.projectionBatchMax) await this.#sleep(limits.projectionDebounceMsMax);
    return true;
  }

  /**
   * How the rows are made: as their version does. Only rows that were swapped out are kept up by
   * another version where nobody has theirs; they are no longer what that version would make.
   */
  async #modelOf(found: CheckpointState): Promise<ReadModel | undefined> {
    const { version, mixed } = found;
    if (this.#model?.version === version) return this.#model.model;
    const logic = logicOf(this.projection, version);
    if (!logic && (this.kind === 'rebuild' || !this.#isDeserted(found))) return undefined;
    const { dataSource, notice } = this.context;
    if (!logic && !mixed) {
      notice('rows of another version are kept up with this one', {
        projection: this.#name,
        version,
      });
      await markMixed(dataSource.manager, this.#name, version);
    }
    const model = readModelOf(dataSource, copyOf(logic ?? this.projection, this.kind));
    this.#model = { version, model };
    return model;
  }

  /** Whether no node of the rows' own version has moved them on for a while though events wait. */
  #isDeserted({ position }: CheckpointState): boolean {
    const { tail, limits } = this.context;
    const isMoving = position !== this.#unmoved?.position || position >= tail.through;
    if (isMoving) this.#unmoved = { position, since: Date.now() };
    return Date.now() - (this.#unmoved?.since ?? 0) >= limits.projectionTakeoverMs;
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

/** Starts a loop for each copy that is there and due, on each node. */
export class CopyLoops {
  readonly #loops = new Map<string, CopyLoop>();
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;

  constructor(
    private readonly projections: readonly Projection[],
    private readonly context: ProjectionContext,
  ) {
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    await Promise.all([...this.#loops.values()].map((loop) => loop.stop()));
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // Without a database the loops of the read models say so.
      await this.#startDue().catch(() => undefined);
      const { projectionStandbyMs } = this.context.limits;
      await sleep(projectionStandbyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Until a copy that is rebuilt is nearly caught up, the process that fills it has it alone. */
  async #startDue(): Promise<void> {
    const due = await this.context.dataSource.query<{ projection: string; kind: CopyKind }[]>(
      `select split_part(name, '@', 1) as projection, split_part(name, '@', 2) as kind
       from checkpoints where name like '%@%' and not exists (
         select from rebuilds where projection = split_part(name, '@', 1)
           and name like '%@rebuild' and phase in ('reading', 'indexing', 'catching-up'))`,
    );
    for (const { projection: name, kind } of due) {
      const copy = copyName(name, kind);
      const projection = this.projections.find((one) => one.name === name);
      if (!projection || this.#loops.has(copy) || this.#stopping.signal.aborted) continue;
      const loop = new CopyLoop(projection, kind, this.context);
      this.#loops.set(copy, loop);
      void loop.running.then(() => this.#loops.delete(copy));
    }
  }
}
