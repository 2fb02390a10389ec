import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  charactersOf,
  evolveOpenView,
  OPEN_VIEW_VERSION,
  sessionStream,
  type OpenView,
} from '@playhead/contract';
import { LRUCache } from 'lru-cache';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import { lastEventOf, type Snapshots } from '../../log/snapshots.ts';
import { asSessionEvent } from '../frames.ts';
import { startCursor, cursorAt, type Cursor } from './cursor.ts';
import type { CatchUpReader } from './catch-up-reader.ts';

const fold = { name: 'view', version: OPEN_VIEW_VERSION };

/** Bounds of what is folded at once and kept folded, as `limits.ts` has them. */
export interface SessionViewsLimits {
  readonly readBytesMax: number;
  readonly foldSliceMax: number;
  readonly viewCacheBytesMax: number;
  /** Events of a session between two snapshots of its view. */
  readonly snapshotEvery: number;
}

/** Where views are folded from, and what is called when a snapshot could not be kept. */
export interface SessionViewsSources {
  readonly log: EventLog;
  readonly snapshots: Snapshots;
  readonly reader: CatchUpReader;
  readonly onFault: (fault: unknown) => void;
}

/** A view and the cursor it was folded to. */
export interface ViewAtCursor {
  /** Undefined before the first event. */
  readonly view: OpenView | undefined;
  readonly cursor: Cursor;
}

interface KeptView extends ViewAtCursor {
  /** Where the last snapshot is, -1 for none. */
  readonly snapshotAt: number;
}

const unknown: KeptView = { view: undefined, cursor: startCursor, snapshotAt: -1 };

/**
 * What sessions look like now. A view folded once is kept and only ever moved on; the loop gets a
 * turn between two slices of a fold, and those who ask during a fold get its result.
 */
export class SessionViews {
  readonly #kept: LRUCache<string, KeptView>;
  readonly #folding = new Map<string, Promise<ViewAtCursor>>();

  constructor(
    private readonly sources: SessionViewsSources,
    private readonly limits: SessionViewsLimits,
  ) {
    this.#kept = new LRUCache({
      maxSize: limits.viewCacheBytesMax,
      sizeCalculation: ({ view }) => (view ? viewBytes(view) : 1),
    });
  }

  /** The session's view; its cursor is the beginning for a session without events. */
  now(sessionId: string): Promise<ViewAtCursor> {
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
    if (!kept || revision - kept.cursor.revision < this.limits.foldSliceMax) return;
    this.foldSoon(sessionId);
  }

  /** Folds what is new of a session for whoever asks next. */
  foldSoon(sessionId: string): void {
    // When the log does not answer now, the next open reports it.
    void this.now(sessionId).catch(() => undefined);
  }

  async #fold(sessionId: string): Promise<ViewAtCursor> {
    const { foldSliceMax, readBytesMax } = this.limits;
    const limits = { limit: foldSliceMax, bytesMax: readBytesMax };
    const kept = this.#kept.get(sessionId) ?? (await this.#fromSnapshot(sessionId));
    let { view, cursor } = kept;
    for (;;) {
      const page = await this.sources.reader.next(sessionId, cursor, limits);
      // Decoding the page was work enough for one turn of the loop.
      await nextTurn();
      for (const event of page.events) view = foldEvent(view, event);
      cursor = page.cursor;
      // Not "until nothing new comes": a busy enough session would be folded for ever.
      if (page.isLast) break;
    }
    if (cursor.revision < 0) return unknown;
    const snapshotAt = this.#writeDown(sessionId, { ...kept, view, cursor });
    const folded = { view, cursor, snapshotAt };
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
        return { view, cursor: cursorAt(event), snapshotAt: snapshot.revision };
      }
      // Of another log: its session may be shorter for long, and keep no snapshot until then.
      await snapshots.drop(fold, stream);
    }
    return unknown;
  }

  /** Where the last snapshot is after this. */
  #writeDown(sessionId: string, { view, cursor, snapshotAt }: KeptView): number {
    const { revision, eventId } = cursor;
    if (revision - snapshotAt < this.limits.snapshotEvery || eventId === null) return snapshotAt;
    const snapshot = { from: 0, revision, eventId, data: view };
    this.sources.snapshots
      .keep(fold, sessionStream(sessionId), snapshot)
      .catch(this.sources.onFault);
    return revision;
  }
}

/** The view after one more event; one that is no event of a session's changes nothing. */
export function foldEvent(
  view: OpenView | undefined,
  recorded: RecordedEvent,
): OpenView | undefined {
  try {
    return evolveOpenView(view, asSessionEvent(recorded));
  } catch {
    return view;
  }
}

/** Roughly what a view takes in memory, in bytes: nearly all of it is what was said. */
const viewBytes = ({ messages, participants, session, timeline }: OpenView): number =>
  messages.reduce((sum, message) => sum + 1_000 + 2 * message.content.length, 0) +
  timeline.entries.reduce((sum, entry) => sum + 1_000 + 2 * charactersOf(entry), 0) +
  participants.reduce((sum, one) => sum + 800 + 2 * (one.prompt?.length ?? 0), 0) +
  2_000 +
  2 * (session.prompt?.length ?? 0);
