import {
  comparableInstant,
  OPEN_VIEW_VERSION,
  refuse,
  sessionStream,
  type OpenView,
  type Refusal,
  type SessionOpened,
} from '@playhead/contract';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import { foldEvent } from '../session/session-views.ts';
import {
  FoldHistory,
  FoldTooLong,
  TooManyFolds,
  type FoldHistoryLimits,
  type FoldHistorySources,
  type KeptFold,
  type StateAt,
} from './fold-history.ts';
import { SessionAt, type SessionAtSnapshot } from './session-at.ts';

const sessionFold: KeptFold<SessionAt> = {
  // Its parts are those of the view, folded by the same functions.
  fold: { name: 'session-at.1', version: OPEN_VIEW_VERSION },
  begin: (snapshot) => new SessionAt(snapshot as SessionAtSnapshot | undefined),
  take(state, event) {
    state.take(event);
    return state;
  },
  snapshot: (state) => state.snapshot(),
};

/** A view inside of an object, since there is none before the first event. */
interface ViewAt {
  readonly view?: OpenView | undefined;
}

const viewFold: KeptFold<ViewAt> = {
  fold: { name: 'view-at', version: OPEN_VIEW_VERSION },
  begin: (snapshot) => (snapshot as ViewAt | undefined) ?? {},
  take: ({ view }, event) => ({ view: foldEvent(view, event) }),
  snapshot: (state) => state,
};

/** A moment of a session: an event of it, or a time as `comparableInstant` writes it. */
export type Moment = { readonly revision: number } | { readonly time: string };

/**
 * Sessions as they were: exactly the fold of their first events, whatever has come since.
 *
 * At a time a session was as its last event had left it that the service had accepted by then
 * (`meta.at`). Each question is answered with what was found, or why there is none: `not-found` for
 * a session without events and for a time before its first; `invalid` for a revision that it has
 * not reached; `overloaded` when the node has too many sessions to fold from far back.
 *
 * This class is the entry of the folder. Read on in `fold-history.ts` (states at any revision, by
 * snapshots) and `session-at.ts` (what is folded).
 */
export class SessionHistory {
  readonly #log: EventLog;
  readonly #sessions: FoldHistory<SessionAt>;
  readonly #views: FoldHistory<ViewAt>;

  constructor(sources: FoldHistorySources, limits: FoldHistoryLimits) {
    this.#log = sources.log;
    this.#sessions = new FoldHistory(sessionFold, sources, limits);
    this.#views = new FoldHistory(viewFold, sources, limits);
  }

  /**
   * A session, its participants, and its messages and tool calls that were not over. Refused as
   * `too-large` rather than fold more than `foldMax` events.
   */
  at(sessionId: string, moment: Moment, foldMax = Infinity): Promise<StateAt<SessionAt> | Refusal> {
    return this.#find(sessionId, moment, (stream, revision) =>
      this.#sessions.at(stream, revision, foldMax),
    );
  }

  /** The last event that a session had. */
  eventAt(sessionId: string, moment: Moment): Promise<RecordedEvent | Refusal> {
    return this.#find(sessionId, moment, async (stream, revision) => {
      const [event] = await this.#log.read(stream, { after: revision - 1, limit: 1 });
      return event;
    });
  }

  /** How a viewer is answered who opens a session as it was; no event follows. */
  async open(sessionId: string, moment: Moment): Promise<SessionOpened | Refusal> {
    const found = await this.#find(sessionId, moment, (stream, revision) =>
      this.#views.at(stream, revision),
    );
    if ('code' in found) return found;
    const { revision, id: eventId } = found.event;
    const { view } = found.state;
    const { epoch } = this.#log;
    return { ok: true, sessionId, revision, eventId, epoch, ...(view && { view }) };
  }

  async #find<Found extends object>(
    sessionId: string,
    moment: Moment,
    find: (stream: string, revision: number) => Promise<Found | undefined>,
  ): Promise<Found | Refusal> {
    const stream = sessionStream(sessionId);
    const revision =
      'time' in moment ? await this.#revisionAt(stream, moment.time) : moment.revision;
    if (revision === undefined) return refuse('not-found');
    if (revision < 0) return refuse('not-found', 'at: the session began later', 'at');
    try {
      const found = await find(stream, revision);
      if (found) return found;
    } catch (fault) {
      if (fault instanceof FoldTooLong) return refuse('too-large');
      if (!(fault instanceof TooManyFolds)) throw fault;
      return refuse('overloaded', 'this node folds too many long sessions at once');
    }
    const last = await this.#log.last(stream);
    if (!last) return refuse('not-found');
    return refuse('invalid', `at: the last revision of the session is ${last.revision}`, 'at');
  }

  /** -1 when the session began later, `undefined` for a session without events. */
  async #revisionAt(stream: string, time: string): Promise<number | undefined> {
    const isBy = ({ meta }: RecordedEvent): boolean => comparableInstant(meta.at) <= time;
    const last = await this.#log.last(stream);
    if (!last || isBy(last)) return last?.revision;
    // Times of acceptance never decrease in a session.
    let [by, later] = [-1, last.revision];
    while (later - by > 1) {
      const middle = (by + later) >> 1;
      const [event] = await this.#log.read(stream, { after: middle - 1, limit: 1 });
      if (event && isBy(event)) by = middle;
      else later = middle;
    }
    return by;
  }
}
