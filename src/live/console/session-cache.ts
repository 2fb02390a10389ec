import {
  evolveSession,
  id,
  sessionIdOf,
  sessionStream,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import { LRUCache } from 'lru-cache';
import { codeOfFault, type EventLog, type RecordedEvent } from '../../log/event-log.ts';
import { asOpaque, asSessionEvent } from '../frames.ts';
import type { SessionListSource } from './session-list-source.ts';

/** A session at a revision. Chunks move only the revision: lists do not show them. */
export interface CachedSession {
  /** Undefined while there is nothing to show. */
  readonly view: SessionView | undefined;
  readonly revision: number;
  /** Of the view as JSON, give or take a few. */
  readonly bytes: number;
}

/** Bounds of what is kept and read at once, as `limits.ts` has them. */
export interface SessionCacheLimits {
  readonly consoleCacheBytesMax: number;
  readonly readEventsMax: number;
  readonly readBytesMax: number;
}

/** The session a list shows an event under, `undefined` for other streams. */
export function listedSessionOf(event: RecordedEvent): string | undefined {
  const sessionId = sessionIdOf(event.stream);
  return sessionId !== undefined && id.safeParse(sessionId).success ? sessionId : undefined;
}

const NOTHING: CachedSession = { view: undefined, revision: -1, bytes: 0 };

const cachedSession = (view: SessionView | undefined, revision: number): CachedSession => ({
  view,
  revision,
  bytes: view ? JSON.stringify(view).length : 0,
});

/** The session after its next event. An event on which the fold throws counts as opaque. */
export function evolveCached(session: CachedSession, recorded: RecordedEvent): CachedSession {
  const { revision } = recorded;
  if (recorded.type === 'message.chunked') return { ...session, revision };
  const event = asSessionEvent(recorded);
  const view = folded(session.view, event) ?? folded(session.view, asOpaque(event));
  return view ? cachedSession(view, revision) : { ...session, revision };
}

function folded(view: SessionView | undefined, event: SessionEvent): SessionView | undefined {
  try {
    return evolveSession(view, event);
  } catch {
    return undefined;
  }
}

/** Sessions as they were lately; those that are not kept come from the read model and the log. */
export class SessionCache {
  readonly #kept: LRUCache<string, CachedSession>;

  constructor(
    private readonly log: EventLog,
    private readonly stored: SessionListSource,
    private readonly limits: SessionCacheLimits,
  ) {
    this.#kept = new LRUCache({
      maxSize: limits.consoleCacheBytesMax,
      sizeCalculation: ({ bytes }) => 500 + 2 * bytes,
    });
  }

  /** Sessions at the given revisions or beyond, if all of them are kept. */
  cached(wanted: ReadonlyMap<string, number>): Map<string, CachedSession> | undefined {
    const found = new Map<string, CachedSession>();
    for (const [sessionId, revision] of wanted) {
      const session = revision < 0 ? NOTHING : this.#kept.get(sessionId);
      if (!session || session.revision < revision) return undefined;
      found.set(sessionId, session);
    }
    return found;
  }

  /**
   * Sessions at the given revisions (-1: before the first event), or beyond where only a later view
   * is stored. Throws what the log and the read model throw.
   */
  async load(wanted: ReadonlyMap<string, number>): Promise<Map<string, CachedSession>> {
    const found = new Map<string, CachedSession>();
    const missing: string[] = [];
    for (const [sessionId, revision] of wanted) {
      const session = this.cached(new Map([[sessionId, revision]]))?.get(sessionId);
      if (session) found.set(sessionId, session);
      else missing.push(sessionId);
    }
    if (missing.length === 0) return found;
    const stored = await this.stored.views(missing);
    const read = missing.map(async (sessionId) => {
      const view = stored.get(sessionId);
      const from = view ? cachedSession(view, view.revision) : NOTHING;
      const session = await this.#readOn(sessionId, from, wanted.get(sessionId) ?? -1);
      found.set(sessionId, session);
      this.put(sessionId, session);
    });
    await Promise.all(read);
    return found;
  }

  /** Keeps what the read model answered with: it may be ahead when it is asked again. */
  putStored(views: readonly SessionView[]): void {
    for (const view of views) {
      const { sessionId, revision } = view;
      if (revision > this.#heldRevision(sessionId))
        this.put(sessionId, cachedSession(view, revision));
    }
  }

  /** An older session never takes the place of a newer one. */
  put(sessionId: string, session: CachedSession): void {
    if (session.revision >= this.#heldRevision(sessionId)) this.#kept.set(sessionId, session);
  }

  #heldRevision(sessionId: string): number {
    return this.#kept.peek(sessionId)?.revision ?? -1;
  }

  async #readOn(sessionId: string, from: CachedSession, revision: number): Promise<CachedSession> {
    const { readEventsMax, readBytesMax } = this.limits;
    let session = from;
    while (session.revision < revision) {
      const events = await this.log
        .read(sessionStream(sessionId), {
          after: session.revision,
          limit: Math.min(readEventsMax, revision - session.revision),
          bytesMax: readBytesMax,
        })
        .catch((fault: unknown) => {
          // One session that was deleted on the server must not close the list for everybody.
          if (codeOfFault(fault) === 'deleted') return undefined;
          throw fault;
        });
      if (!events) return { ...session, revision };
      if (events.length === 0) throw new Error(`the log lost revision ${revision} of a session`);
      for (const event of events) session = evolveCached(session, event);
    }
    return session;
  }
}
