import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OpenView } from '@playhead/contract';
import { LRUCache } from 'lru-cache';
import { foldEvent, viewBytes } from './fold.ts';
import { beginning, type Place } from './place.ts';
import type { SessionReader } from './session-reader.ts';

/** Bounds of what is folded at once and kept folded, as `config.ts` has them. */
export interface ViewsLimits {
  readonly readBytesMax: number;
  readonly foldSliceMax: number;
  readonly viewCacheBytesMax: number;
}

/** A view and the place it was folded to. */
export interface PlacedView {
  /** Undefined before the first event. */
  readonly view: OpenView | undefined;
  readonly place: Place;
}

/**
 * What sessions look like now. A view folded once is kept and only ever moved on; the loop gets a
 * turn between two slices of a fold, and those who ask during a fold get its result.
 */
export class Views {
  readonly #kept: LRUCache<string, PlacedView>;
  readonly #folding = new Map<string, Promise<PlacedView>>();

  constructor(
    private readonly reader: SessionReader,
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
    // When the log does not answer now, the next open will tell.
    void this.now(sessionId).catch(() => undefined);
  }

  async #fold(sessionId: string): Promise<PlacedView> {
    const { foldSliceMax, readBytesMax } = this.limits;
    const limits = { limit: foldSliceMax, bytesMax: readBytesMax };
    let { view, place } = this.#kept.get(sessionId) ?? { view: undefined, place: beginning };
    for (;;) {
      const page = await this.reader.next(sessionId, place, limits);
      // Decoding the page was work enough for one turn of the loop.
      await nextTurn();
      for (const event of page.events) view = foldEvent(view, event);
      place = page.place;
      // Not "until nothing new comes": a busy enough session would be folded for ever.
      if (page.isLast) break;
    }
    const folded = { view, place };
    if (place.revision >= 0) this.#kept.set(sessionId, folded);
    return folded;
  }
}
