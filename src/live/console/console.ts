import { setTimeout as sleep } from 'node:timers/promises';
import { refuse, type ConsoleFilter, type ConsoleOpen } from '@playhead/contract';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import type { Tail } from '../../log/tail.ts';
import { ConsoleChannel } from './channel.ts';
import { Entries, type EntriesLimits } from './entries.ts';
import { foldStep, revisionsIn } from './step.ts';
import type { StoredSessions } from './stored.ts';
import type { ConsoleViewer } from './viewer.ts';
import { Visit, type VisitLimits, type VisitParts } from './visit.ts';

/** Bounds of the console, as `config.ts` has them. */
export interface ConsoleLimits extends VisitLimits, EntriesLimits {
  readonly consoleEveryMs: number;
  readonly consoleQuietMax: number;
  readonly consoleKnownMax: number;
}

/** What the console is made from; `onFault` hears of what should never happen. */
export interface ConsoleOptions {
  readonly log: EventLog;
  readonly tail: Tail;
  readonly stored: StoredSessions;
  readonly limits: ConsoleLimits;
  readonly onFault: (fault: unknown) => void;
}

/**
 * The live list of sessions. While anybody looks, each stretch of the log is folded once, and told
 * once to each channel, that is to all who look with the same filter.
 */
export class Console {
  readonly #entries: Entries;
  readonly #parts: VisitParts;
  readonly #visits = new Set<Visit>();
  readonly #channels = new Map<string, ConsoleChannel>();
  readonly #unlisten: () => void;
  #through = '';
  #isRunning = false;
  #isStopped = false;
  #wake: () => void = () => undefined;
  #passing: { readonly position: string; readonly resolve: () => void }[] = [];

  constructor(private readonly options: ConsoleOptions) {
    const { log, tail, stored, limits, onFault } = options;
    this.#entries = new Entries(log, stored, limits);
    const through = (): string => this.#through;
    this.#parts = {
      ...{ log, stored, limits, onFault, entries: this.#entries },
      get through() {
        return through();
      },
      passed: (position) => this.#passed(position),
      next: (position) => this.#next(position, this.#through),
      channelFor: (filter, withEvents) => this.#channelFor(filter, withEvents),
      left: ({ members, options: { room } }) => {
        if (members.size === 0) this.#channels.delete(room);
      },
      isStopped: () => this.#isStopped,
      over: (visit) => this.#over(visit),
    };
    this.#unlisten = tail.listen(() => this.#wake());
  }

  /** Consoles that are open or being opened. */
  get viewers(): number {
    return this.#visits.size;
  }

  /**
   * Opens the list; what comes of it the viewer is told, never before this call returns. The
   * request is taken as checked.
   */
  open(request: ConsoleOpen, viewer: ConsoleViewer): Visit {
    const visit = new Visit(this.#parts, request, viewer);
    this.#visits.add(visit);
    if (!this.#isRunning && !this.#isStopped) {
      this.#isRunning = true;
      this.#through = this.options.tail.through;
      void this.#run();
    }
    void visit.run();
    return visit;
  }

  /** Ends all consoles and tells their viewers. */
  stop(): void {
    this.#isStopped = true;
    this.#unlisten();
    for (const visit of [...this.#visits]) visit.close(refuse('shutting-down'));
  }

  /** Tells what happens until nobody looks any more. */
  async #run(): Promise<void> {
    const { tail, limits } = this.options;
    while (this.#visits.size > 0) {
      try {
        if (this.#through >= tail.through) {
          await new Promise<void>((resolve) => (this.#wake = resolve));
          continue;
        }
        await this.#step(tail.through);
        // What comes meanwhile goes into one frame.
        await sleep(limits.consoleEveryMs);
      } catch (fault) {
        // They hold their cursors: whoever comes back goes on from there.
        for (const visit of [...this.#visits]) visit.fail(fault);
      }
    }
    this.#isRunning = false;
  }

  async #step(end: string): Promise<void> {
    const from = this.#through;
    const next = await this.#next(from, end);
    const events = next.slice(0, this.options.limits.readEventsMax);
    const before = await this.#entries.at(revisionsIn(events).before);
    const through = events.at(-1)?.position ?? end;
    const step = foldStep(from, through, events, before);
    // One synchronous block: whoever joins has been told all of the stretch, or gets all of it.
    for (const [sessionId, entry] of step.entries) this.#entries.keep(sessionId, entry);
    this.#through = through;
    for (const channel of [...this.#channels.values()]) channel.tell(step);
    const passed = this.#passing.filter(({ position }) => position <= through);
    this.#passing = this.#passing.filter(({ position }) => position > through);
    for (const { resolve } of passed) resolve();
  }

  /** Events beyond a position up to another; none only when there are none. */
  #next(from: string, end: string): Promise<readonly RecordedEvent[]> | readonly RecordedEvent[] {
    const { log, tail, limits } = this.options;
    const upToEnd = (events: readonly RecordedEvent[]) =>
      events.filter(({ position }) => position <= end).slice(0, limits.readEventsMax);
    const inTail = tail.after(from);
    if (inTail) return upToEnd(inTail);
    return log.readAll({ after: from, limit: limits.readEventsMax }).then(upToEnd);
  }

  #channelFor(filter: ConsoleFilter, withEvents: boolean): ConsoleChannel {
    const room = `console:${JSON.stringify([withEvents, filter])}`;
    const known = this.#channels.get(room);
    if (known) return known;
    const { consoleQuietMax: quietMax, consoleKnownMax: knownMax } = this.options.limits;
    const channel = new ConsoleChannel(
      { room, filter, withEvents, quietMax, knownMax },
      this.#through,
    );
    this.#channels.set(room, channel);
    return channel;
  }

  #passed(position: string): Promise<void> {
    if (position <= this.#through) return Promise.resolve();
    return new Promise((resolve) => this.#passing.push({ position, resolve }));
  }

  #over(visit: Visit): void {
    this.#visits.delete(visit);
    if (this.#visits.size > 0) return;
    for (const { resolve } of this.#passing.splice(0)) resolve();
    this.#wake();
  }
}
