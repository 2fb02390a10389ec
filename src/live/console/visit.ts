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
import { LogError, type EventLog, type RecordedEvent } from '../../log/event-log.ts';
import { isUnreachable } from '../../database-unreachable.ts';
import { asSessionEvent, wireBytes } from '../frame.ts';
import { eventsShown, type ConsoleChannel, type ConsoleMember } from './channel.ts';
import { listedSessionOf, type Entries, type Entry } from './entries.ts';
import { revisionsIn } from './step.ts';
import type { ListLimits, StoredSessions } from './stored.ts';
import type { ConsoleAudience, ConsoleViewer } from './viewer.ts';

/** Bounds of an open, as `config.ts` has them. */
export interface VisitLimits extends ListLimits {
  readonly replayBytesMax: number;
  readonly readEventsMax: number;
  readonly consoleResumeEventsMax: number;
}

/** What visits share. */
export interface VisitParts {
  readonly log: EventLog;
  readonly stored: StoredSessions;
  readonly entries: Entries;
  readonly limits: VisitLimits;
  /** Live consoles have been told everything up to here. */
  readonly through: string;
  /** Resolves once `through` has come to a position. */
  passed(position: string): Promise<void>;
  /** Events beyond a position up to `through`, from the first; none only when there are none. */
  next(position: string): Promise<readonly RecordedEvent[]> | readonly RecordedEvent[];
  channelFor(filter: ConsoleFilter, withEvents: boolean): ConsoleChannel;
  left(channel: ConsoleChannel): void;
  isStopped(): boolean;
  over(visit: Visit): void;
  onFault(fault: unknown): void;
}

/**
 * One viewer's way to the live list: the answer, what changed since its cursor, then live.
 *
 * What changed is told by whole sessions, as they are when they are read: never older than the
 * cursor of the frame, perhaps newer, which clients take (see `evolveConsole`). So whoever drops
 * out and comes back with the cursor of any frame holds every session at that cursor or later, and
 * gets anew those that were touched beyond it: nothing is missing. The viewer joins its channel in
 * the synchronous block in which its cursor meets what the channel has been told.
 */
export class Visit implements ConsoleMember {
  readonly audience: ConsoleAudience;
  #state: 'opening' | 'replaying' | 'live' | 'over' = 'opening';
  #position = '';
  #channel: ConsoleChannel | undefined;
  readonly #holds = new Set<string>();
  readonly #filter: ConsoleFilter;
  readonly #withEvents: boolean;

  constructor(
    private readonly parts: VisitParts,
    private readonly request: ConsoleOpen,
    private readonly viewer: ConsoleViewer,
  ) {
    this.audience = viewer.audience;
    this.#filter = request.filter ?? {};
    this.#withEvents = request.events ?? false;
  }

  /** Opens and replays; resolves when the viewer is live or the visit is over. */
  async run(): Promise<void> {
    try {
      const opened = await this.#start();
      if ('code' in opened) {
        this.close(opened);
        return;
      }
      await this.viewer.inTurn(() => this.#open(opened));
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
    const code = fault instanceof LogError || isUnreachable(fault) ? 'unavailable' : 'internal';
    if (code === 'internal') this.parts.onFault(fault);
    this.close(refuse(code));
  }

  /** Nothing is sent from now on. */
  end(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    const channel = this.#channel;
    if (channel) {
      this.#leave(channel);
      this.viewer.leave(channel.options.room);
    }
    this.parts.over(this);
  }

  /** Ends it and tells the viewer why. */
  close(refusal: Refusal): void {
    const state = this.#state;
    if (state === 'over') return;
    const position = this.#channel?.through ?? this.#position;
    this.end();
    if (state === 'opening') this.viewer.refused(refusal);
    else this.viewer.closed(refusal, position);
  }

  takes(bytes: number): boolean {
    if (this.viewer.hasRoomFor(bytes)) return true;
    this.#fallBehind();
    return false;
  }

  #fallBehind(): void {
    const channel = this.#channel;
    if (!channel) return;
    this.#state = 'replaying';
    this.#position = channel.through;
    this.#leave(channel);
    this.viewer.behind(channel.options.room, this.#position);
    this.#replay().catch((fault: unknown) => this.fail(fault));
  }

  #leave(channel: ConsoleChannel): void {
    this.#channel = undefined;
    channel.members.delete(this);
    this.parts.left(channel);
  }

  async #replay(): Promise<void> {
    while (this.#state === 'replaying') {
      await this.parts.passed(this.#position);
      await this.viewer.inTurn(() => this.#step());
    }
  }

  async #start(): Promise<ConsoleOpened | Refusal> {
    if (this.parts.isStopped()) return refuse('shutting-down');
    const denied = await this.viewer.denied();
    if (denied) return denied;
    const { log, stored, limits } = this.parts;
    const { after, epoch } = this.request;
    if (after === undefined) {
      const list = await stored.list(this.#filter, limits);
      if (!list || (await this.#isFar(list.position))) return refuse('not-yet');
      for (const { sessionId } of list.sessions) this.#holds.add(sessionId);
      this.parts.entries.keepStored(list.sessions);
      return { ok: true, epoch: log.epoch, ...list };
    }
    if (epoch !== log.epoch || after > (await log.head())) return refuse('cursor-unknown');
    const isFar = await this.#isFar(after);
    if (isFar) return refuse('cursor-unknown', 'too far back; open without a cursor');
    return { ok: true, position: after, epoch };
  }

  /** Whether more lies beyond a position than is worth telling change by change. */
  async #isFar(position: string): Promise<boolean> {
    const { log, limits } = this.parts;
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

  /** One page of what happened since the cursor, or the handover. */
  async #step(): Promise<void> {
    if (this.#state !== 'replaying') return;
    const { parts } = this;
    if (this.#position === parts.through) {
      this.#goLive();
      return;
    }
    const { through } = parts;
    const next = parts.next(this.#position);
    const events = next instanceof Promise ? await next : next;
    const wanted = revisionsIn(events).last;
    const entries = parts.entries.kept(wanted) ?? (await parts.entries.at(wanted));
    if (this.#state !== 'replaying') return;
    this.#send(through, events, entries);
    if (this.#position === parts.through) this.#goLive();
  }

  #send(
    through: string,
    events: readonly RecordedEvent[],
    entries: ReadonlyMap<string, Entry>,
  ): void {
    const page = this.#page(events, entries);
    const patches = page.flatMap((event) => this.#patchFor(event, entries));
    const byId = new Map(patches.map((patch) => [patch.sessionId, patch]));
    const shown = eventsShown({ events: page, entries }, this.#filter, new Set());
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
    entries: ReadonlyMap<string, Entry>,
  ): readonly RecordedEvent[] {
    const seen = new Set<string>();
    let bytes = 0;
    const end = events.findIndex((event, nth) => {
      const sessionId = listedSessionOf(event) ?? '';
      if (!seen.has(sessionId)) bytes += entries.get(sessionId)?.bytes ?? 0;
      if (this.#withEvents) bytes += wireBytes([event]);
      seen.add(sessionId);
      return nth > 0 && bytes > this.parts.limits.replayBytesMax;
    });
    return end < 0 ? events : events.slice(0, end);
  }

  #patchFor(event: RecordedEvent, entries: ReadonlyMap<string, Entry>): ConsolePatch[] {
    const sessionId = listedSessionOf(event);
    const session = sessionId === undefined ? undefined : entries.get(sessionId)?.view;
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
    const { parts } = this;
    const at = this.#position;
    const events = this.#withEvents ? { events: [] } : {};
    this.viewer.send({ from: at, through: at, patches: [], ...events, caughtUp: true });
    this.#state = 'live';
    this.#channel = parts.channelFor(this.#filter, this.#withEvents);
    this.#channel.join(this, at, this.#holds);
    this.viewer.join(this.#channel.options.room);
    this.#holds.clear();
  }
}
