import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { START, type RecordedEvent } from '../log/event-log.ts';
import { WakeUpSignal } from '../log/wake-up-signal.ts';
import {
  checkpointAt,
  isInLog,
  markMixed,
  readCheckpoint,
  startRebuild,
  type Checkpoint,
  type CheckpointState,
} from './checkpoints.ts';
import { logicOf } from './copies.ts';
import { Debounce } from './debounce.ts';
import { GapDetector } from './gap-detection.ts';
import { messageOf } from './failures.ts';
import { ParkedState } from './parked-state.ts';
import type { Projection } from './projection.ts';
import { readModelOf, type ReadModel } from './read-model.ts';
import { EventSource, sessionEventsOf } from './event-source.ts';
import type { ProjectionStatus, ProjectionContext } from './context.ts';
import { applyBatch } from './apply-batch.ts';
import { watchCheckpoint } from './standby.ts';

const RETRY_FIRST_MS = 50;

/**
 * Keeps one read model at the head of the log. Nodes that share a database may all run it: the
 * checkpoint moves by compare-and-set, whoever loses stands by and takes over when it stops moving.
 */
export class ProjectionLoop {
  #model: ReadModel;
  readonly #source: EventSource;
  readonly #appended = new WakeUpSignal();
  readonly #polled = new WakeUpSignal();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** Where it goes on; undefined while that must be read first. */
  #checkpoint: Checkpoint | undefined;
  /** The version whose rows are read. */
  #version: number | null = null;
  readonly #gaps: GapDetector;
  #isBooted = false;
  readonly #debounce: Debounce;
  #position = START;
  readonly #parked = new ParkedState();
  #standingBy = false;
  #error: string | null = null;
  /** When the oldest event was appended that is known not to be applied. */
  #pendingAt = new Date().toISOString();

  constructor(
    private readonly projection: Projection,
    private readonly context: ProjectionContext,
    private readonly moved: () => void,
  ) {
    this.#model = readModelOf(context.dataSource, projection);
    this.#source = new EventSource(context.log, context.tail, context.limits);
    this.#gaps = new GapDetector(context.log, context.limits);
    this.#debounce = new Debounce(context.limits, projection.isBackground ?? false);
    const forget = context.tail.listen(({ events }) => {
      if (events.length > 0) this.#appended.wake();
    });
    this.#running = this.#run().finally(forget);
  }

  get name(): string {
    return this.projection.name;
  }

  /** Parked sessions. */
  get parked(): number {
    return this.#parked.count;
  }

  get position(): string {
    return this.#position;
  }

  status(): ProjectionStatus {
    const pending = this.context.tail.after(this.#position);
    const oldest = pending ? pending[0]?.meta.at : this.#pendingAt;
    return {
      name: this.projection.name,
      version: this.#version,
      position: this.#position,
      lagEvents: pending?.length ?? null,
      lagMs: oldest === undefined ? 0 : Math.max(0, Date.now() - Date.parse(oldest)) || 0,
      parked: this.parked,
      standingBy: this.#standingBy,
      error: this.#error,
    };
  }

  /** Somebody waits for it: ends the debounce and takes what there is. */
  pollNow(): void {
    this.#polled.wake();
  }

  /** A session was folded again on this node. */
  refolded(): void {
    this.#parked.refolded();
    this.#appended.wake();
  }

  /** Ends once the batch at work is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#appended.wake();
    this.#polled.wake();
    await this.#running;
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#isStopping;) {
      try {
        await this.#applyNext();
        failures = 0;
      } catch (failure) {
        const message = messageOf(failure);
        if (message !== this.#error) this.#notify('projection fails and tries again', { message });
        this.#error = message;
        // It is not known whether the commit took place: the stored checkpoint shows it.
        this.#checkpoint = undefined;
        const { projectionRetryMaxMs } = this.context.limits;
        await this.#sleep(Math.min(RETRY_FIRST_MS * 2 ** failures, projectionRetryMaxMs));
        failures += 1;
      }
    }
  }

  async #applyNext(): Promise<void> {
    const checkpoint = this.#checkpoint ?? (await this.#adopt());
    if (!checkpoint) return;
    const events = await this.#source.next(checkpoint.position);
    const last = events.at(-1);
    if (!last) {
      this.#error = null;
      await this.#appended.wait(this.context.limits.projectionStandbyMs);
      if (this.#parked.mayHaveChanged) await this.#adoptRefold(checkpoint);
      return;
    }
    this.#pendingAt = (events[0] ?? last).meta.at;
    const begun = performance.now();
    const isDone = await this.#apply(events, checkpoint, checkpointAt(checkpoint, last));
    this.#error = null;
    if (isDone) {
      const delayMs = this.#debounce.delayMs(events.length, performance.now() - begun);
      if (delayMs > 0) await this.#polled.wait(delayMs);
    } else if (!(await this.#adoptRefold(checkpoint))) {
      await this.#standBy();
    }
  }

  /** The checkpoint to go on from, undefined when it must be read again. */
  async #adopt(): Promise<Checkpoint | undefined> {
    const found = await this.#readCheckpoint();
    if (!this.#isBooted && !(await isInLog(this.context.log, found))) {
      await this.#startRebuild(found);
      return undefined;
    }
    const isOwn = this.#isOwn(found);
    if (!this.#isBooted && (!isOwn || found.mixed) && !(await this.#isKept(found))) {
      await this.#startRebuild(found);
      return undefined;
    }
    this.#isBooted = true;
    if (!isOwn) {
      await this.#standBy();
      return this.#checkpoint;
    }
    if (await this.#isBeingFilled(found)) {
      await this.#sleep(this.context.limits.projectionStandbyMs);
      return undefined;
    }
    this.#model = { ...this.#model, projection: this.projection };
    this.#moveTo(found.position);
    return (this.#checkpoint = found);
  }

  async #isBeingFilled(found: CheckpointState): Promise<boolean> {
    const isEmpty = found.position === START;
    return isEmpty && ((await this.context.onEmpty?.(this.projection.name, found)) ?? false);
  }

  /** Whether rows of another version are kept up until others take their place. */
  async #isKept(found: CheckpointState): Promise<boolean> {
    return (await this.context.onOutdated?.(this.projection.name, found)) ?? false;
  }

  /** True when it goes on from a checkpoint at which only single sessions were folded again. */
  async #adoptRefold(from: Checkpoint): Promise<boolean> {
    const found = await this.#parked.afterRefold(this.#model, from);
    if (found) this.#gaps.forget();
    this.#checkpoint = found ?? this.#checkpoint;
    return found !== undefined;
  }

  /**
   * Goes on with rows of another version, which nobody else does: with that version's logic, else
   * with ours, and then they are no longer what that version would make.
   */
  async #takeOver(found: CheckpointState): Promise<void> {
    const logic = logicOf(this.projection, found.version);
    this.#model = { ...this.#model, projection: logic ?? this.projection };
    if (!logic && !found.mixed) {
      this.#notify('rows of another version are kept up with this one', { version: found.version });
      await markMixed(this.context.dataSource.manager, this.projection.name, found.version);
    }
    this.#checkpoint = found;
  }

  /** False when another node was first. */
  async #apply(
    recorded: readonly RecordedEvent[],
    from: Checkpoint,
    to: Checkpoint,
  ): Promise<boolean> {
    const { limits } = this.context;
    const { events, misplaced, found } = await this.#gaps.fillGaps(sessionEventsOf(recorded));
    if (found > 0) this.#notify('events the follower skipped were read from the log', { found });
    const parked = await applyBatch(
      this.#model,
      { ...this.#parked.of(events), misplaced, from, to },
      limits.projectionIdleMsMax,
    );
    if (!parked) return false;
    this.#checkpoint = to;
    this.#parked.applied(parked.length);
    this.#gaps.applied(events);
    for (const session of parked) this.#notify('session parked', { ...session });
    this.#moveTo(to.position);
    return true;
  }

  /**
   * Watches another node do the work. Takes over when the checkpoint has not moved for a while
   * though events wait.
   */
  async #standBy(): Promise<void> {
    this.#checkpoint = undefined;
    this.#standingBy = true;
    try {
      const unmoved = await watchCheckpoint({
        ...{ log: this.context.log, tail: this.context.tail, limits: this.context.limits },
        ...{ appended: this.#appended, signal: this.#stopping.signal },
        ...{ read: () => this.#readCheckpoint(), isOwn: (found) => this.#isOwn(found) },
        moved: (position) => this.#moveTo(position),
      });
      if (!unmoved) return;
      if (unmoved.epoch !== this.context.log.epoch) await this.#startRebuild(unmoved);
      else if (!(await this.#isBeingFilled(unmoved))) await this.#takeOver(unmoved);
    } finally {
      this.#standingBy = false;
    }
  }

  async #readCheckpoint(): Promise<CheckpointState> {
    const found = await readCheckpoint(this.context.dataSource, this.projection.name);
    this.#parked.read(found);
    this.#version = found.version;
    this.#gaps.forget();
    return found;
  }

  #moveTo(position: string): void {
    this.#position = position;
    this.moved();
  }

  async #startRebuild(expected: Checkpoint): Promise<void> {
    if (expected.position !== START) this.#notify('read model is rebuilt', { ...expected });
    this.#position = START;
    await startRebuild(this.#model, expected, this.context.log.epoch);
  }

  #isOwn(checkpoint: Checkpoint): boolean {
    return (
      checkpoint.version === this.projection.version && checkpoint.epoch === this.context.log.epoch
    );
  }

  #notify(message: string, about: Readonly<Record<string, unknown>>): void {
    this.context.notice(message, { projection: this.projection.name, ...about });
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
