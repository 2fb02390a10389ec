import { setTimeout as sleep } from 'node:timers/promises';
import { START, type RecordedEvent } from '../log/event-log.ts';
import { Bell } from './bell.ts';
import {
  checkpointAt,
  isInLog,
  readCheckpoint,
  startAnew,
  type Checkpoint,
} from './checkpoints.ts';
import { Contiguity } from './contiguity.ts';
import { messageOf } from './failures.ts';
import type { Projection } from './projection.ts';
import { readModelOf, type ReadModel } from './read-model.ts';
import { sessionEventsOf } from './session-event.ts';
import { Source } from './source.ts';
import type { ProjectionStatus, ProjectionSurroundings } from './surroundings.ts';
import { takeBatch } from './take-batch.ts';

const RETRY_FIRST_MS = 50;
/** How many times as long as its last batch took a projection rests. */
const RESTS = 8;

/**
 * Keeps one read model at the head of the log. Nodes that share a database may all run it: the
 * checkpoint moves by compare-and-set, whoever loses stands by and takes over when it stops moving.
 */
export class ProjectionLoop {
  readonly #model: ReadModel;
  readonly #source: Source;
  readonly #bell = new Bell();
  readonly #haste = new Bell();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** Where it goes on; undefined while that has to be read. */
  #checkpoint: Checkpoint | undefined;
  #contiguity: Contiguity;
  #isBooted = false;
  #position = START;
  #parked = 0;
  #standingBy = false;
  #error: string | null = null;
  /** Of the oldest event known not to be taken. */
  #pendingAt = new Date().toISOString();

  constructor(
    private readonly projection: Projection,
    private readonly around: ProjectionSurroundings,
    private readonly moved: () => void,
  ) {
    this.#model = readModelOf(around.dataSource, projection);
    this.#source = new Source(around.log, around.tail, around.limits);
    this.#contiguity = new Contiguity(around.log, around.limits);
    const forget = around.tail.listen(({ events }) => {
      if (events.length > 0) this.#bell.ring();
    });
    this.#running = this.#run().finally(forget);
  }

  get position(): string {
    return this.#position;
  }

  status(): ProjectionStatus {
    const pending = this.around.tail.after(this.#position);
    const oldest = pending ? pending[0]?.meta.at : this.#pendingAt;
    return {
      name: this.projection.name,
      position: this.#position,
      lagEvents: pending?.length ?? null,
      lagMs: oldest === undefined ? 0 : Math.max(0, Date.now() - Date.parse(oldest)) || 0,
      parked: this.#parked,
      standingBy: this.#standingBy,
      error: this.#error,
    };
  }

  /** Somebody waits for it: it takes what there is without waiting for more. */
  hurry(): void {
    this.#haste.ring();
  }

  /** Ends once the batch at work is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#bell.ring();
    this.#haste.ring();
    await this.#running;
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#isStopping;) {
      try {
        await this.#turn();
        failures = 0;
      } catch (failure) {
        const message = messageOf(failure);
        if (message !== this.#error) this.#tell('projection fails and tries again', { message });
        this.#error = message;
        // Whether a commit took place is not known; the checkpoint knows.
        this.#checkpoint = undefined;
        const { projectionRetryMaxMs } = this.around.limits;
        await this.#pause(Math.min(RETRY_FIRST_MS * 2 ** failures, projectionRetryMaxMs));
        failures += 1;
      }
    }
  }

  async #turn(): Promise<void> {
    const checkpoint = this.#checkpoint ?? (await this.#adopt());
    if (!checkpoint) return;
    const events = await this.#source.next(checkpoint.position);
    const last = events.at(-1);
    if (!last) {
      this.#error = null;
      await this.#bell.wait(this.around.limits.projectionStandbyMs);
      return;
    }
    this.#pendingAt = (events[0] ?? last).meta.at;
    const begun = performance.now();
    const isDone = await this.#take(events, checkpoint, checkpointAt(checkpoint, last));
    this.#error = null;
    if (!isDone) await this.#standBy();
    else await this.#rest(events.length, performance.now() - begun);
  }

  /**
   * Lets events gather, more of them the longer they take: what is paid once a batch, and once for
   * a row however many of them touch it, must not add up when the node has most to do.
   */
  async #rest(taken: number, tookMs: number): Promise<void> {
    const { projectionBatchMax, projectionGatherMs, projectionRestMsMax } = this.around.limits;
    if (taken >= projectionBatchMax) return;
    const restMs = Math.max(
      projectionGatherMs - tookMs,
      Math.min(RESTS * tookMs, projectionRestMsMax),
    );
    await this.#haste.wait(restMs);
  }

  /** The checkpoint to go on from, undefined when it has to be looked at again. */
  async #adopt(): Promise<Checkpoint | undefined> {
    const found = await this.#look();
    if (!this.#isOwn(found) && this.#isBooted) {
      await this.#standBy();
      return this.#checkpoint;
    }
    if (!this.#isBooted && !(await this.#stands(found))) {
      await this.#startAnew(found);
      return undefined;
    }
    this.#isBooted = true;
    this.#reach(found.position);
    return (this.#checkpoint = found);
  }

  /** Whether the rows are those that this version makes of this log up to the checkpoint. */
  async #stands(checkpoint: Checkpoint): Promise<boolean> {
    return this.#isOwn(checkpoint) && isInLog(this.around.log, checkpoint);
  }

  /** False when another node was there first. */
  async #take(
    recorded: readonly RecordedEvent[],
    from: Checkpoint,
    to: Checkpoint,
  ): Promise<boolean> {
    const { limits } = this.around;
    const { events, misplaced, found } = await this.#contiguity.mend(sessionEventsOf(recorded));
    if (found > 0) this.#tell('events the follower skipped are taken from the log', { found });
    const parked = await takeBatch(
      this.#model,
      { events, misplaced, hasParked: this.#parked > 0, from, to },
      limits.projectionIdleMsMax,
    );
    if (!parked) return false;
    this.#checkpoint = to;
    this.#parked += parked.length;
    this.#contiguity.passed(events);
    for (const session of parked) this.#tell('session set aside', { ...session });
    this.#reach(to.position);
    return true;
  }

  /**
   * Watches another node do the work. Takes over when the checkpoint has not moved for a while
   * though events wait; a node of another version is given longer, since its rows go then.
   */
  async #standBy(): Promise<void> {
    this.#checkpoint = undefined;
    this.#standingBy = true;
    try {
      await this.#watch();
    } finally {
      this.#standingBy = false;
    }
  }

  async #watch(): Promise<void> {
    const { projectionStandbyMs, projectionSettleMs, projectionTakeoverMs } = this.around.limits;
    let seen = await this.#look();
    for (let unmovedSince = Date.now(); !this.#isStopping;) {
      // What the other has not taken yet it may still be gathering.
      const isBehind = seen.position < this.around.tail.through;
      if (!isBehind) await this.#bell.wait(projectionStandbyMs);
      await this.#pause(projectionSettleMs);
      const found = await this.#look();
      if (found.epoch === this.around.log.epoch) this.#reach(found.position);
      if (!isSame(found, seen) || found.position >= this.around.tail.through) {
        seen = found;
        unmovedSince = Date.now();
        continue;
      }
      const unmovedMs = Date.now() - unmovedSince;
      if (this.#isOwn(found) && unmovedMs >= projectionStandbyMs) {
        this.#checkpoint = found;
        return;
      }
      if (unmovedMs >= projectionTakeoverMs) {
        await this.#startAnew(found);
        return;
      }
    }
  }

  async #look(): Promise<Checkpoint> {
    const { parked, ...found } = await readCheckpoint(this.around.dataSource, this.projection.name);
    this.#parked = parked;
    this.#contiguity = new Contiguity(this.around.log, this.around.limits);
    return found;
  }

  #reach(position: string): void {
    this.#position = position;
    this.moved();
  }

  async #startAnew(seen: Checkpoint): Promise<void> {
    const { log } = this.around;
    if (seen.position !== START) this.#tell('read model is built anew', { ...seen });
    this.#position = START;
    await startAnew(this.#model, seen, log.epoch);
  }

  #isOwn(checkpoint: Checkpoint): boolean {
    return (
      checkpoint.version === this.projection.version && checkpoint.epoch === this.around.log.epoch
    );
  }

  #tell(message: string, about: Readonly<Record<string, unknown>>): void {
    this.around.notice(message, { projection: this.projection.name, ...about });
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

const isSame = (a: Checkpoint, b: Checkpoint): boolean =>
  a.version === b.version && a.epoch === b.epoch && a.position === b.position;
