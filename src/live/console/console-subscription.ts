import {
  matchesFilter,
  refuse,
  type ConsoleFilter,
  type ConsoleFrame,
  type ConsoleOpen,
  type ConsoleOpened,
  type ConsolePatch,
  type Refusal,
} from '@playhead/contract';
import { codeOfFault, LogError, type EventLog, type RecordedEvent } from '../../log/event-log.ts';
import { isUnreachable } from '../../projecting/database-unreachable.ts';
import { asSessionEvent, wireBytes } from '../frames.ts';
import { eventsShown, type ConsoleRoom, type ConsoleMember } from './console-room.ts';
import { listedSessionOf, type SessionCache, type CachedSession } from './session-cache.ts';
import { revisionsIn } from './fold-batch.ts';
import type { ListLimits, SessionListSource } from './session-list-source.ts';
import type { ConsoleAudience, ConsoleViewer } from './console-viewer.ts';

/** Bounds of one subscription, as `limits.ts` has them. */
export interface ConsoleSubscriptionLimits extends ListLimits {
  readonly replayBytesMax: number;
  readonly readEventsMax: number;
  readonly consoleResumeEventsMax: number;
}

/** What all subscriptions share. */
export interface ConsoleContext {
  readonly log: EventLog;
  readonly list: SessionListSource;
  readonly cache: SessionCache;
  readonly limits: ConsoleSubscriptionLimits;
  /** Live consoles have been sent everything up to here. */
  readonly through: string;
  /** Resolves once `through` has come to a position. */
  untilReached(position: string): Promise<void>;
  /** Events beyond a position up to `through`, from the first; none only when there are none. */
  next(position: string): Promise<readonly RecordedEvent[]> | readonly RecordedEvent[];
  roomFor(filter: ConsoleFilter, withEvents: boolean): ConsoleRoom;
  leftRoom(room: ConsoleRoom): void;
  isStopped(): boolean;
  ended(subscription: ConsoleSubscription): void;
  onFault(fault: unknown): void;
}

/**
 * One viewer's subscription to the list: the acknowledgement, what changed since its cursor, live.
 *
 * Changes since a cursor are sent as whole sessions, as they are when they are read: never older
 * than the cursor of the frame, perhaps newer, which clients accept (see `evolveConsole`). A client
 * that comes back with the cursor of any frame holds every session at that cursor or later, and is
 * sent all sessions that changed after it, so nothing is missing. The viewer joins its room in the
 * synchronous block in which its cursor meets the room's.
 */
export class ConsoleSubscription implements ConsoleMember {
  readonly audience: ConsoleAudience;
  #state: 'opening' | 'replaying' | 'live' | 'ended' = 'opening';
  #position = '';
  #room: ConsoleRoom | undefined;
  readonly #holds = new Set<string>();
  readonly #filter: ConsoleFilter;
  readonly #withEvents: boolean;

  constructor(
    private readonly context: ConsoleContext,
    private readonly request: ConsoleOpen,
    private readonly viewer: ConsoleViewer,
  ) {
    this.audience = viewer.audience;
    this.#filter = request.filter ?? {};
    this.#withEvents = request.events ?? false;
  }

  /** Opens and replays; resolves when the viewer is live or the subscription has ended. */
  async run(): Promise<void> {
    try {
      const opened = await this.#start();
      if ('code' in opened) {
        this.close(opened);
        return;
      }
      await this.viewer.whenDrained(() => this.#open(opened));
      await this.#replay();
    } catch (fault) {
      this.fail(fault);
    }
  }

  /** Ends it for something that went wrong. */
  fail(fault: unknown): void {
    if (fault instanceof LogError && fault.code === 'invalid') {
      this.close(refuse('invalid', `after: ${fault.message}`, 'after'));
      return;
    }
    const code = isUnreachable(fault) ? 'unavailable' : codeOfFault(fault);
    if (code === 'internal') this.context.onFault(fault);
    this.close(refuse(code));
  }

  /** Nothing is sent from now on. */
  end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    const room = this.#room;
    if (room) {
      this.#leave(room);
      this.viewer.leave(room.options.room);
    }
    this.context.ended(this);
  }

  /** Ends it and tells the viewer why. */
  close(refusal: Refusal): void {
    const state = this.#state;
    if (state === 'ended') return;
    const position = this.#room?.through ?? this.#position;
    this.end();
    if (state === 'opening') this.viewer.refused(refusal);
    else this.viewer.closed(refusal, position);
  }

  accepts(bytes: number): boolean {
    if (this.viewer.hasRoomFor(bytes)) return true;
    this.#fallBehind();
    return false;
  }

  #fallBehind(): void {
    const room = this.#room;
    if (!room) return;
    this.#state = 'replaying';
    this.#position = room.through;
    this.#leave(room);
    this.viewer.behind(room.options.room, this.#position);
    this.#replay().catch((fault: unknown) => this.fail(fault));
  }

  #leave(room: ConsoleRoom): void {
    this.#room = undefined;
    room.members.delete(this);
    this.context.leftRoom(room);
  }

  async #replay(): Promise<void> {
    while (this.#state === 'replaying') {
      await this.context.untilReached(this.#position);
      await this.viewer.whenDrained(() => this.#sendNext());
    }
  }

  async #start(): Promise<ConsoleOpened | Refusal> {
    if (this.context.isStopped()) return refuse('shutting-down');
    const denied = await this.viewer.denied();
    if (denied) return denied;
    const { log, list: source, limits } = this.context;
    const { after, epoch } = this.request;
    if (after === undefined) {
      const list = await source.list(this.#filter, limits);
      if (!list || (await this.#isTooFarBack(list.position))) return refuse('not-yet');
      for (const { sessionId } of list.sessions) this.#holds.add(sessionId);
      this.context.cache.putStored(list.sessions);
      return { ok: true, epoch: log.epoch, ...list };
    }
    if (epoch !== log.epoch || after > (await log.head())) return refuse('cursor-unknown');
    const isTooFarBack = await this.#isTooFarBack(after);
    if (isTooFarBack) return refuse('cursor-unknown', 'too far back; open without a cursor');
    return { ok: true, position: after, epoch };
  }

  /** Whether so much lies beyond a position that a new list is cheaper than the changes. */
  async #isTooFarBack(position: string): Promise<boolean> {
    const { log, limits } = this.context;
    let after = position;
    for (let count = 0; count <= limits.consoleResumeEventsMax;) {
      const page = await log.readAll({ after, limit: limits.readEventsMax });
      const last = page.at(-1);
      if (!last) return false;
      after = last.position;
      count += page.length;
    }
    return true;
  }

  #open(opened: ConsoleOpened): void {
    if (this.#state !== 'opening') return;
    this.#state = 'replaying';
    this.#position = opened.position;
    this.viewer.opened(opened);
  }

  /** Sends one page of what happened since the cursor, or hands over to live. */
  async #sendNext(): Promise<void> {
    if (this.#state !== 'replaying') return;
    const { context } = this;
    if (this.#position === context.through) {
      this.#goLive();
      return;
    }
    const { through } = context;
    const next = context.next(this.#position);
    const events = next instanceof Promise ? await next : next;
    const wanted = revisionsIn(events).last;
    const sessions = context.cache.cached(wanted) ?? (await context.cache.load(wanted));
    if (this.#state !== 'replaying') return;
    this.#send(through, events, sessions);
    if (this.#position === context.through) this.#goLive();
  }

  #send(
    through: string,
    events: readonly RecordedEvent[],
    sessions: ReadonlyMap<string, CachedSession>,
  ): void {
    const page = this.#page(events, sessions);
    const patches = page.flatMap((event) => this.#patchFor(event, sessions));
    const byId = new Map(patches.map((patch) => [patch.sessionId, patch]));
    const shown = eventsShown({ events: page, sessions }, this.#filter, new Set());
    const frame: ConsoleFrame = {
      from: this.#position,
      through: page.at(-1)?.position ?? through,
      patches: [...byId.values()],
      ...(this.#withEvents && { events: shown.map(asSessionEvent) }),
    };
    this.viewer.send(frame);
    this.#position = frame.through;
  }

  /** As many events, from the first, as make a frame of bounded size; at least one. */
  #page(
    events: readonly RecordedEvent[],
    sessions: ReadonlyMap<string, CachedSession>,
  ): readonly RecordedEvent[] {
    const counted = new Set<string>();
    let bytes = 0;
    const end = events.findIndex((event, nth) => {
      const sessionId = listedSessionOf(event) ?? '';
      if (!counted.has(sessionId)) bytes += sessions.get(sessionId)?.bytes ?? 0;
      if (this.#withEvents) bytes += wireBytes([event]);
      counted.add(sessionId);
      return nth > 0 && bytes > this.context.limits.replayBytesMax;
    });
    return end < 0 ? events : events.slice(0, end);
  }

  #patchFor(event: RecordedEvent, sessions: ReadonlyMap<string, CachedSession>): ConsolePatch[] {
    const sessionId = listedSessionOf(event);
    const session = sessionId === undefined ? undefined : sessions.get(sessionId)?.view;
    if (sessionId === undefined || !session) return [];
    const { revision } = session;
    if (matchesFilter(this.#filter, session)) {
      this.#holds.add(sessionId);
      return [{ type: 'session.entered', sessionId, revision, session }];
    }
    this.#holds.delete(sessionId);
    return [{ type: 'session.left', sessionId, revision }];
  }

  #goLive(): void {
    const { context } = this;
    const at = this.#position;
    const events = this.#withEvents ? { events: [] } : {};
    this.viewer.send({ from: at, through: at, patches: [], ...events, caughtUp: true });
    this.#state = 'live';
    this.#room = context.roomFor(this.#filter, this.#withEvents);
    this.#room.join(this, at, this.#holds);
    this.viewer.join(this.#room.options.room);
    this.#holds.clear();
  }
}
