import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { sessionStream, type SessionEvent } from '@playhead/contract';
import { evolve } from '../domain/session.ts';
import { initialState, sizeOf, STATE_VERSION, type SessionState } from '../domain/session-state.ts';
import {
  nothingTouched,
  snapshotOf,
  touch,
  withSnapshot,
  type StateSnapshot,
} from '../domain/state-snapshot.ts';
import type { EventLog } from '../log/event-log.ts';
import { pagesOf } from '../log/pages.ts';
import { lastEventOf, type Snapshots } from '../log/snapshots.ts';

const fold = { name: 'state', version: STATE_VERSION };

/** Bounds of what is kept, and how often a part of it is written down. */
export interface StatesOptions {
  readonly stateCacheBytesMax: number;
  /** Events of a session between two snapshots. */
  readonly snapshotEvery: number;
  /** Bounds of one page of events while a state is folded. */
  readonly pages: { readonly limit: number; readonly bytesMax: number };
  /** Called when a part of a session was stored. */
  readonly onSnapshot: (sessionId: string) => void;
  /** Called with why one was not. */
  readonly onFault: (fault: unknown) => void;
}

/** A session's state, and what has come since the last snapshot. It has one owner. */
export class HeldState {
  #from: number;
  #lastId = '';
  #touched = nothingTouched();

  /** Nobody has had it since it was read from the log. */
  isFresh = true;

  constructor(public state: SessionState) {
    this.#from = state.revision + 1;
  }

  /** Takes one more event. */
  take(event: SessionEvent): void {
    this.state = evolve(this.state, event);
    this.#lastId = event.id;
    touch(this.#touched, event);
  }

  /** What has come since the last time, when that is so many events. */
  cut(events: number) {
    const { revision } = this.state;
    if (revision - this.#from + 1 < events) return undefined;
    const data = snapshotOf(this.state, this.#touched);
    const part = { from: this.#from, revision, eventId: this.#lastId, data };
    this.#from = revision + 1;
    this.#touched = nothingTouched();
    return part;
  }
}

/** States of sessions: kept for the next command, or folded from snapshots and the log. */
export class SessionStates {
  readonly #kept: LRUCache<string, HeldState>;

  constructor(
    private readonly log: EventLog,
    private readonly snapshots: Snapshots,
    private readonly options: StatesOptions,
  ) {
    this.#kept = new LRUCache({
      maxSize: options.stateCacheBytesMax,
      sizeCalculation: ({ state }) => sizeOf(state),
    });
  }

  /** Hands over a session's state: nobody else has it until it is given back. */
  async take(sessionId: string): Promise<HeldState> {
    const kept = this.#kept.get(sessionId);
    this.#kept.delete(sessionId);
    return kept ?? this.#load(sessionId);
  }

  /** Takes back a state that is the log's: what it has taken has been appended. */
  giveBack(sessionId: string, held: HeldState): void {
    held.isFresh = false;
    this.#writeDown(sessionId, held);
    this.#kept.set(sessionId, held);
  }

  async #load(sessionId: string): Promise<HeldState> {
    const stream = sessionStream(sessionId);
    const held = new HeldState(await this.#fromSnapshots(stream));
    const { pages } = this.options;
    for await (const page of pagesOf(this.log, stream, {
      after: held.state.revision,
      ...pages,
    })) {
      for (const event of page) held.take({ ...event, sessionId });
      this.#writeDown(sessionId, held);
    }
    return held;
  }

  /** As far as snapshots reach without a gap; nowhere if they are of another log. */
  async #fromSnapshots(stream: string): Promise<SessionState> {
    let state = initialState();
    let last;
    for await (const part of this.snapshots.read(fold, stream)) {
      if (part.from > state.revision + 1) break;
      if (part.revision <= state.revision) continue;
      state = withSnapshot(state, part.revision, part.data as StateSnapshot);
      last = part;
      await nextTurn();
    }
    if (!last || (await lastEventOf(this.log, stream, last))) return state;
    await this.snapshots.drop(fold, stream);
    return initialState();
  }

  #writeDown(sessionId: string, held: HeldState): void {
    const part = held.cut(this.options.snapshotEvery);
    if (!part) return;
    const { onSnapshot, onFault } = this.options;
    this.snapshots
      .keep(fold, sessionStream(sessionId), part)
      .then(() => onSnapshot(sessionId), onFault);
  }
}
