import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import type { Fold, Snapshot, Snapshots } from '../../log/snapshots.ts';

/** A way to fold a stream whose state at any revision can be asked for. */
export interface KeptFold<State> {
  /** The name and version of its snapshots. */
  readonly fold: Fold;
  /** The state before the first event, or the one that a snapshot's JSON stands for. */
  begin(snapshot?: unknown): State;
  /** The state after one more event; it may be the same object, changed. */
  take(state: State, event: RecordedEvent): State;
  /** As JSON. */
  snapshot(state: State): unknown;
}

/** Bounds of what is kept and of what is folded at once, as `limits.ts` has them. */
export interface FoldHistoryLimits {
  readonly foldSliceMax: number;
  readonly readBytesMax: number;
  /** Events between two snapshots, at least. */
  readonly historySnapshotEvery: number;
  /** The events between two snapshots have at least so many times the bytes of a snapshot. */
  readonly historySnapshotShare: number;
  readonly historyCacheBytesMax: number;
  /** Long folds at work. */
  readonly historyFoldsMax: number;
}

/** Where states are folded from, and what is called when a snapshot could not be kept. */
export interface FoldHistorySources {
  readonly log: EventLog;
  readonly snapshots: Snapshots;
  readonly onFault: (fault: unknown) => void;
}

/** A state and the event that it was folded up to; who gets it must not change it. */
export interface StateAt<State> {
  readonly state: State;
  readonly event: RecordedEvent;
  /** How many events were folded to answer: none when it was in memory. */
  readonly folded: number;
}

/** More long folds are at work on this node than may be. */
export class TooManyFolds extends Error {}

/** It would take more events than the asker allows. */
export class FoldTooLong extends Error {}

/** A fold of more events than between so many snapshots is a long one. */
const NEAR_SNAPSHOTS = 8;

/** Where a fold begins. */
interface Beginning {
  /** -1 for the beginning of the stream. */
  readonly revision: number;
  readonly snapshot?: Snapshot;
}

/**
 * The state of a fold at any revision of a stream: exactly what its events up to there give.
 *
 * A first question about a long stream folds it from its beginning and leaves snapshots on the way,
 * so that later ones fold a few hundred events. A snapshot is kept once the events since the last
 * one have several times its bytes: so all of a stream's take less than a fixed part of the stream,
 * however large a state becomes. Who asks the same again is answered from memory.
 */
export class FoldHistory<State extends object> {
  readonly #kept: LRUCache<string, StateAt<State>>;
  readonly #running = new Map<string, Promise<StateAt<State> | undefined>>();
  /** Long folds, one for each stream. */
  readonly #long = new Map<string, Promise<unknown>>();

  constructor(
    private readonly fold: KeptFold<State>,
    private readonly sources: FoldHistorySources,
    private readonly limits: FoldHistoryLimits,
  ) {
    this.#kept = new LRUCache({
      maxSize: limits.historyCacheBytesMax,
      // Two bytes for each character, of the event that comes along, too.
      sizeCalculation: ({ state, event }) =>
        2 * (JSON.stringify(fold.snapshot(state)).length + event.bytes),
    });
  }

  /**
   * The state after the event at a revision, `undefined` when the stream has none there. Throws
   * `TooManyFolds`, `FoldTooLong` rather than fold more than `foldMax` events, and what the log
   * throws.
   */
  async at(
    stream: string,
    revision: number,
    foldMax = Infinity,
  ): Promise<StateAt<State> | undefined> {
    const key = `${revision} ${stream}`;
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const running = this.#running.get(key);
    if (running) return running;
    // One that may be refused for its length is not for others to wait for.
    const isShared = foldMax === Infinity;
    const folding = this.#fold(stream, revision, foldMax).finally(() => {
      if (isShared) this.#running.delete(key);
    });
    if (isShared) this.#running.set(key, folding);
    const found = await folding;
    if (found) this.#kept.set(key, { ...found, folded: 0 });
    return found;
  }

  async #fold(
    stream: string,
    revision: number,
    foldMax: number,
  ): Promise<StateAt<State> | undefined> {
    for (;;) {
      const beginning = await this.#beginning(stream, revision);
      if (revision - beginning.revision > foldMax) throw new FoldTooLong();
      const near = NEAR_SNAPSHOTS * this.limits.historySnapshotEvery;
      if (revision - beginning.revision <= near) {
        return this.#advance(stream, beginning, revision);
      }
      const other = this.#long.get(stream);
      if (other) {
        // It leaves snapshots; from the last of them there may be little left to fold.
        await other.catch(() => undefined);
        continue;
      }
      if (this.#long.size >= this.limits.historyFoldsMax) throw new TooManyFolds();
      const advancing = this.#advance(stream, beginning, revision);
      this.#long.set(stream, advancing);
      return advancing.finally(() => this.#long.delete(stream));
    }
  }

  async #beginning(stream: string, revision: number): Promise<Beginning> {
    const { fold } = this.fold;
    const snapshot = await this.sources.snapshots.lastUpTo(fold, stream, revision);
    return snapshot ? { revision: snapshot.revision, snapshot } : { revision: -1 };
  }

  async #advance(
    stream: string,
    { revision: from, snapshot }: Beginning,
    revision: number,
  ): Promise<StateAt<State> | undefined> {
    const { log, snapshots } = this.sources;
    const { foldSliceMax, readBytesMax } = this.limits;
    const writer = new SnapshotWriter(this.fold, this.sources, this.limits, stream, from);
    let state = this.fold.begin(snapshot?.data);
    let last: RecordedEvent | undefined;
    // The snapshot's own event comes along: it shows whether the snapshot is of this log.
    const first = snapshot ? from : 0;
    for (let next = first; next <= revision;) {
      const limit = Math.min(foldSliceMax, revision - next + 1);
      const page = await log.read(stream, { after: next - 1, limit, bytesMax: readBytesMax });
      if (snapshot && next === first && page[0]?.id !== snapshot.eventId) {
        await snapshots.drop(this.fold.fold, stream);
        return this.#advance(stream, { revision: -1 }, revision);
      }
      if (page[0]?.revision !== next) return undefined;
      for (const event of page) {
        if (event.revision === from) continue;
        state = this.fold.take(state, event);
        await writer.passed(event, state);
      }
      last = page.at(-1);
      next += page.length;
      // Decoding and folding the page was work enough for one turn of the loop.
      if (next <= revision) await nextTurn();
    }
    await writer.done();
    return last && { state, event: last, folded: last.revision - from };
  }
}

/** Keeps snapshots while a stream is folded, one after the other. */
class SnapshotWriter<State> {
  #from: number;
  #events = 0;
  #bytes = 0;
  /** Bytes of events before which the next snapshot would be too large for its distance. */
  #bytesMin = 0;
  #keeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly fold: KeptFold<State>,
    private readonly sources: FoldHistorySources,
    private readonly limits: FoldHistoryLimits,
    private readonly stream: string,
    after: number,
  ) {
    this.#from = after + 1;
  }

  /** An event was folded. Resolves when there is room to go on. */
  async passed({ bytes, revision, id: eventId }: RecordedEvent, state: State): Promise<void> {
    const { historySnapshotEvery, historySnapshotShare } = this.limits;
    this.#events += 1;
    this.#bytes += bytes;
    if (this.#events < historySnapshotEvery || this.#bytes < this.#bytesMin) return;
    const data = this.fold.snapshot(state);
    this.#bytesMin = historySnapshotShare * Buffer.byteLength(JSON.stringify(data));
    if (this.#bytes < this.#bytesMin) return;
    await this.#keeping;
    const { snapshots, onFault } = this.sources;
    const snapshot = { from: this.#from, revision, eventId, data };
    this.#keeping = snapshots.keep(this.fold.fold, this.stream, snapshot).catch(onFault);
    this.#from = revision + 1;
    this.#events = 0;
    this.#bytes = 0;
    this.#bytesMin = 0;
  }

  /** Resolves when all is kept. */
  async done(): Promise<void> {
    await this.#keeping;
  }
}
