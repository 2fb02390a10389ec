import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { START, type EventLog, type RecordedEvent } from '../log/event-log.ts';
import type { Tail } from '../log/tail.ts';
import { sessionEventOf, takeBatch } from './batch.ts';
import { Bell } from './bell.ts';
import {
  checkpointAt,
  isInLog,
  readCheckpoint,
  startAnew,
  type Checkpoint,
} from './checkpoints.ts';
import { Contiguity } from './contiguity.ts';
import type { Projection } from './projection.ts';
import { RowTable } from './row-table.ts';
import { Source, type BatchLimits } from './source.ts';

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
export interface ProjectionLimits extends BatchLimits {
  readonly projectionIdleMsMax: number;
  readonly projectionRetryMaxMs: number;
  readonly projectionSettleMs: number;
  readonly projectionStandbyMs: number;
  readonly projectionTakeoverMs: number;
  readonly projectionSessionsMax: number;
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

const RETRY_FIRST_MS = 50;

/**
 * Keeps one read model at the head of the log. Nodes that share a database may all run it: the
 * checkpoint moves by compare-and-set, whoever loses stands by and takes over when it stops moving.
 */
export class ProjectionLoop {
  readonly #table: RowTable;
  readonly #source: Source;
  readonly #bell = new Bell();
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
    this.#table = new RowTable(around.dataSource, projection);
    this.#source = new Source(around.log, around.tail, around.limits);
    this.#contiguity = new Contiguity(around.limits.projectionSessionsMax);
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

  /** Ends once the batch at work is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#bell.ring();
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
        const message = failure instanceof Error ? failure.message : String(failure);
        if (message !== this.#error) this.#tell('projection fails and tries again', { message });
        this.#error = message;
        // Whether a commit took place is not known; the checkpoint knows.
        this.#checkpoint = undefined;
        const pauseMs = Math.min(
          RETRY_FIRST_MS * 2 ** failures,
          this.around.limits.projectionRetryMaxMs,
        );
        failures += 1;
        await this.#pause(pauseMs);
      }
    }
  }

  async #turn(): Promise<void> {
    const checkpoint = this.#checkpoint ?? (await this.#adopt());
    if (!checkpoint) return;
    this.#error = null;
    const events = await this.#source.next(checkpoint.position);
    const [first] = events;
    if (!first) {
      await this.#bell.wait(this.around.limits.projectionStandbyMs);
      return;
    }
    this.#pendingAt = first.meta.at;
    if (!(await this.#take(checkpoint, events))) await this.#standBy();
  }

  /** The checkpoint to go on from, undefined when it has to be looked at again. */
  async #adopt(): Promise<Checkpoint | undefined> {
    const found = await this.#look();
    if (!this.#isBooted) {
      this.#isBooted = this.#isOwn(found) && (await isInLog(this.around.log, found));
      if (!this.#isBooted) await this.#startAnew(found);
    } else if (this.#isOwn(found)) {
      this.#checkpoint = found;
    } else {
      await this.#standBy();
    }
    return this.#checkpoint;
  }

  /** False when another node was there first. */
  async #take(checkpoint: Checkpoint, found: readonly RecordedEvent[]): Promise<boolean> {
    const { dataSource, limits } = this.around;
    let batch = this.#batchOf(found);
    if (batch.misplaced.size > 0) {
      // The follower may have lost something: what the log says is taken as it is.
      batch = this.#batchOf(await this.#source.reread(checkpoint.position));
    }
    const next = checkpointAt(checkpoint, batch.last);
    const parked = await takeBatch(
      dataSource,
      this.projection,
      this.#table,
      { ...batch, from: checkpoint, to: next },
      limits.projectionIdleMsMax,
    );
    if (!parked) return false;
    this.#checkpoint = next;
    this.#position = next.position;
    this.#parked += parked.length;
    this.#contiguity.passed(batch.events);
    for (const session of parked) this.#tell('session set aside', { ...session });
    this.moved();
    return true;
  }

  #batchOf(recorded: readonly RecordedEvent[]) {
    const last = recorded.at(-1);
    if (!last) throw new Error(`the log no longer has the events after ${this.#position}`);
    const events = recorded.flatMap((event) => sessionEventOf(event) ?? []);
    return { events, last, misplaced: this.#contiguity.check(events) };
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
      await this.#bell.wait(projectionStandbyMs);
      await this.#pause(projectionSettleMs);
      const found = await this.#look();
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
    this.#position = found.position;
    this.#contiguity = new Contiguity(this.around.limits.projectionSessionsMax);
    this.moved();
    return found;
  }

  async #startAnew(seen: Checkpoint): Promise<void> {
    const { dataSource, log } = this.around;
    this.#tell('read model is built anew', { ...seen });
    await startAnew(dataSource, this.projection, this.#table, seen, log.epoch);
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
