import { setImmediate as nextTurn } from 'node:timers/promises';
import { OPEN_VIEW_VERSION, sessionStream, type OpenView } from '@playhead/contract';
import { LRUCache } from 'lru-cache';
import type { EventLog } from '../log/event-log.ts';
import { lastEventOf, type Snapshots } from '../log/snapshots.ts';
import { foldEvent, viewBytes } from './fold.ts';
import { beginning, placeAt, type Place } from './place.ts';
import type { SessionReader } from './session-reader.ts';

const fold = { name: 'view', version: OPEN_VIEW_VERSION };

/** Bounds of what is folded at once and kept folded, as `config.ts` has them. */
export interface ViewsLimits {
  readonly readBytesMax: number;
  readonly foldSliceMax: number;
  readonly viewCacheBytesMax: number;
  /** Events of a session between two snapshots of its view. */
  readonly snapshotEvery: number;
}

/** Where views are folded from, and what hears that a snapshot could not be kept. */
export interface ViewsSources {
  readonly log: EventLog;
  readonly snapshots: Snapshots;
  readonly reader: SessionReader;
  readonly onFault: (fault: unknown) => void;
}

/** A view and the place it was folded to. */
export interface PlacedView {
  /** Undefined before the first event. */
  readonly view: OpenView | undefined;
  readonly place: Place;
}

interface KeptView extends PlacedView {
  /** Where the last snapshot is, -1 for none. */
  readonly snapshotAt: number;
}

const unknown: KeptView = { view: undefined, place: beginning, snapshotAt: -1 };

/**
 * What sessions look like now. A view folded once is kept and only ever moved on; the loop gets a
 * turn between two slices of a fold, and those who ask during a fold get its result.
 */
export class Views {
  readonly #kept: LRUCache<string, KeptView>;
  readonly #folding = new Map<string, Promise<PlacedView>>();

  constructor(
    private readonly sources: ViewsSources,
    private readonly limits: ViewsLimits,
  ) {
    this.#kept = new LRUCache({
      maxSize: limits.viewCacheBytesMax,
      sizeCalculation: ({ view }) => (view ? viewBytes(view) : 1),
    });
  }

  /** The session's view; its place is the beginning for a session without events. */
  now(sessionId: string): Promise<PlacedView> {
    const running = this.#folding.get(sessionId);
    if (running) return running;
    const folding = this.#fold(sessionId).finally(() => this.#folding.delete(sessionId));
    this.#folding.set(sessionId, folding);
    return folding;
  }

  /**
   * The session has come to `revision`: moves a kept view on when it is a slice behind, so that the
   * next open of a busy session has little left to fold.
   */
  keepUp(sessionId: string, revision: number): void {
    const kept = this.#kept.peek(sessionId);
    if (!kept || revision - kept.place.revision < this.limits.foldSliceMax) return;
    this.foldSoon(sessionId);
  }

  /** Folds what is new of a session for whoever asks next. */
  foldSoon(sessionId: string): void {
    // When the log does not answer now, the next open will tell.
    void this.now(sessionId).catch(() => undefined);
  }

  async #fold(sessionId: string): Promise<PlacedView> {
    const { foldSliceMax, readBytesMax } = this.limits;
    const limits = { limit: foldSliceMax, bytesMax: readBytesMax };
    const kept = this.#kept.get(sessionId) ?? (await this.#fromSnapshot(sessionId));
    let { view, place } = kept;
    for (;;) {
      const page = await this.sources.reader.next(sessionId, place, limits);
      // Decoding the page was work enough for one turn of the loop.
      await nextTurn();
      for (const event of page.events) view = foldEvent(view, event);
      place = page.place;
      // Not "until nothing new comes": a busy enough session would be folded for ever.
      if (page.isLast) break;
    }
    if (place.revision < 0) return unknown;
    const snapshotAt = this.#writeDown(sessionId, { ...kept, view, place });
    const folded = { view, place, snapshotAt };
    this.#kept.set(sessionId, folded);
    return folded;
  }

  async #fromSnapshot(sessionId: string): Promise<KeptView> {
    const { log, snapshots } = this.sources;
    const stream = sessionStream(sessionId);
    for await (const snapshot of snapshots.read(fold, stream)) {
      const event = await lastEventOf(log, stream, snapshot);
      if (event) {
        const view = snapshot.data as OpenView;
        return { view, place: placeAt(event), snapshotAt: snapshot.revision };
      }
      // Of another log: its session may be shorter for long, and keep no snapshot until then.
      await snapshots.drop(fold, stream);
    }
    return unknown;
  }

  /** Where the last snapshot is after this. */
  #writeDown(sessionId: string, { view, place, snapshotAt }: KeptView): number {
    const { revision, eventId } = place;
    if (revision - snapshotAt < this.limits.snapshotEvery || eventId === null) return snapshotAt;
    const snapshot = { from: 0, revision, eventId, data: view };
    this.sources.snapshots
      .keep(fold, sessionStream(sessionId), snapshot)
      .catch(this.sources.onFault);
    return revision;
  }
}
