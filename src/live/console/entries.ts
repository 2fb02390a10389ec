import {
  evolveSession,
  id,
  sessionIdOf,
  sessionStream,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import { LRUCache } from 'lru-cache';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import { asSessionEvent } from '../frame.ts';
import type { StoredSessions } from './stored.ts';

/** A session at a revision. Chunks move only the revision: lists do not show them. */
export interface Entry {
  /** Undefined while there is nothing to show. */
  readonly view: SessionView | undefined;
  readonly revision: number;
  /** Of the view as JSON, give or take a few. */
  readonly bytes: number;
}

/** Bounds of what is kept and read at once, as `config.ts` has them. */
export interface EntriesLimits {
  readonly consoleCacheBytesMax: number;
  readonly readEventsMax: number;
  readonly readBytesMax: number;
}

/** No type has this version: an event that carries it is opaque to every fold. */
const OPAQUE = 0;

/** The session a list shows an event under, `undefined` for other streams. */
export function listedSessionOf(event: RecordedEvent): string | undefined {
  const sessionId = sessionIdOf(event.stream);
  return sessionId !== undefined && id.safeParse(sessionId).success ? sessionId : undefined;
}

const NOTHING: Entry = { view: undefined, revision: -1, bytes: 0 };

const entryOf = (view: SessionView | undefined, revision: number): Entry => ({
  view,
  revision,
  bytes: view ? JSON.stringify(view).length : 0,
});

/** The entry after its next event. One that the fold cannot bear counts as opaque. */
export function evolveEntry(entry: Entry, recorded: RecordedEvent): Entry {
  const { revision } = recorded;
  if (recorded.type === 'message.chunked') return { ...entry, revision };
  const event = asSessionEvent(recorded);
  const view = folded(entry.view, event) ?? folded(entry.view, { ...event, v: OPAQUE });
  return view ? entryOf(view, revision) : { ...entry, revision };
}

function folded(view: SessionView | undefined, event: SessionEvent): SessionView | undefined {
  try {
    return evolveSession(view, event);
  } catch {
    return undefined;
  }
}

/** Sessions as they were lately; those that are not kept come from the read model and the log. */
export class Entries {
  readonly #kept: LRUCache<string, Entry>;

  constructor(
    private readonly log: EventLog,
    private readonly stored: StoredSessions,
    private readonly limits: EntriesLimits,
  ) {
    this.#kept = new LRUCache({
      maxSize: limits.consoleCacheBytesMax,
      sizeCalculation: ({ bytes }) => 500 + 2 * bytes,
    });
  }

  /** Sessions at the given revisions or beyond, if all of them are kept. */
  kept(wanted: ReadonlyMap<string, number>): Map<string, Entry> | undefined {
    const found = new Map<string, Entry>();
    for (const [sessionId, revision] of wanted) {
      const entry = revision < 0 ? NOTHING : this.#kept.get(sessionId);
      if (!entry || entry.revision < revision) return undefined;
      found.set(sessionId, entry);
    }
    return found;
  }

  /**
   * Sessions at the given revisions (-1: before the first event), or beyond where only a later view
   * is stored. Throws what the log and the read model throw.
   */
  async at(wanted: ReadonlyMap<string, number>): Promise<Map<string, Entry>> {
    const found = new Map<string, Entry>();
    const missing: string[] = [];
    for (const [sessionId, revision] of wanted) {
      const entry = this.kept(new Map([[sessionId, revision]]))?.get(sessionId);
      if (entry) found.set(sessionId, entry);
      else missing.push(sessionId);
    }
    if (missing.length === 0) return found;
    const stored = await this.stored.views(missing);
    const read = missing.map(async (sessionId) => {
      const view = stored.get(sessionId);
      const from = view ? entryOf(view, view.revision) : NOTHING;
      const entry = await this.#readOn(sessionId, from, wanted.get(sessionId) ?? -1);
      found.set(sessionId, entry);
      this.keep(sessionId, entry);
    });
    await Promise.all(read);
    return found;
  }

  /** Keeps what the read model answered with: it may be ahead when it is asked again. */
  keepStored(views: readonly SessionView[]): void {
    for (const view of views) {
      const { sessionId, revision } = view;
      if (revision > this.#heldRevision(sessionId)) this.keep(sessionId, entryOf(view, revision));
    }
  }

  /** An older entry never takes the place of a newer one. */
  keep(sessionId: string, entry: Entry): void {
    if (entry.revision >= this.#heldRevision(sessionId)) this.#kept.set(sessionId, entry);
  }

  #heldRevision(sessionId: string): number {
    return this.#kept.peek(sessionId)?.revision ?? -1;
  }

  async #readOn(sessionId: string, from: Entry, revision: number): Promise<Entry> {
    const { readEventsMax, readBytesMax } = this.limits;
    let entry = from;
    while (entry.revision < revision) {
      const events = await this.log.read(sessionStream(sessionId), {
        after: entry.revision,
        limit: Math.min(readEventsMax, revision - entry.revision),
        bytesMax: readBytesMax,
      });
      if (events.length === 0) throw new Error(`the log lost revision ${revision} of a session`);
      for (const event of events) entry = evolveEntry(entry, event);
    }
    return entry;
  }
}
