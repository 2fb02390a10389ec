import {
  evolveOpenView,
  type ErrorCode,
  type OpenView,
  type SessionFrame,
  type SessionOpened,
} from '@playhead/contract';
import type { SessionSubscription } from '../../src/live/session/session-subscription.ts';
import type { SessionSubscriptions } from '../../src/live/session/session-subscriptions.ts';
import type { SessionAudience, SessionViewer } from '../../src/live/session/session-viewer.ts';

/** Rooms of a pretended socket server: those who joined a session get its broadcasts. */
export class Rooms implements SessionAudience {
  readonly #joined = new Map<string, Set<(frame: SessionFrame) => void>>();

  broadcast(frame: SessionFrame): void {
    for (const receive of this.#joined.get(frame.sessionId) ?? []) receive(frame);
  }

  join(sessionId: string, receive: (frame: SessionFrame) => void): void {
    const joined = this.#joined.get(sessionId) ?? new Set();
    this.#joined.set(sessionId, joined.add(receive));
  }

  leave(sessionId: string, receive: (frame: SessionFrame) => void): void {
    this.#joined.get(sessionId)?.delete(receive);
  }
}

/** Where a client opens from: nowhere, revision 0, or where it stopped. */
export type From = 'view' | 'start' | 'cursor';

export interface ClientOptions {
  readonly subscriptions: SessionSubscriptions;
  readonly rooms: Rooms;
  /** Lets time pass before a piece of a replay may go. */
  readonly pause: () => Promise<void>;
  /** Whether what is sent now would be too much for it. */
  readonly isSlow: () => boolean;
  /** Revision of the session's last event that is known to be stored, -1 for none. */
  readonly head: () => number;
}

/**
 * A client that keeps its cursor over cuts, and notes everything that must not happen to it:
 * holes, doubles, frames before the answer or after the end.
 */
export class Client {
  readonly faults: string[] = [];
  /** What it folded, after each event in the order of arrival. */
  readonly folds: { readonly revision: number; readonly view: OpenView | undefined }[] = [];
  /** The last answer to an open was a refusal with this code. */
  refusedWith: ErrorCode | undefined;
  isCaughtUp = false;
  /** How often it was too slow for what happened. */
  timesBehind = 0;
  /** Of its viewers, those that joined and were not asked to leave. */
  readonly joined = new Set<SessionViewer>();
  cursor: { readonly revision: number; readonly eventId: string | null } | undefined;
  #view: OpenView | undefined;
  /** What was there when it opened with a cursor: it is not caught up before. */
  #due = -1;
  #subscription: SessionSubscription | undefined;
  readonly #opening = new Set<SessionSubscription>();
  #turns: Promise<void> = Promise.resolve();

  constructor(
    readonly sessionId: string,
    private readonly options: ClientOptions,
  ) {}

  get isOpen(): boolean {
    return this.#subscription !== undefined;
  }

  get isOpening(): boolean {
    return this.#opening.size > 0;
  }

  /** Opens again when it is open: the old subscription goes on until the answer. */
  open(from: From): void {
    const asked = from === 'start' ? { after: -1 } : from === 'cursor' ? this.#asked() : {};
    for (const other of this.#opening) other.end();
    this.#opening.clear();
    this.refusedWith = undefined;
    const holder: { subscription?: SessionSubscription } = {};
    const due = asked.after === undefined ? -1 : this.options.head();
    const viewer = this.#viewer({ ...asked, due }, this.#view, () => holder.subscription);
    holder.subscription = this.options.subscriptions.open(
      { sessionId: this.sessionId, ...asked },
      viewer,
    );
    this.#opening.add(holder.subscription);
  }

  /** The cable is cut: what was on its way is lost. */
  drop(): void {
    for (const opening of this.#opening) opening.end();
    this.#opening.clear();
    this.#subscription?.end();
    this.#subscription = undefined;
    this.isCaughtUp = false;
  }

  #asked(): { after?: number; afterId?: string } {
    if (!this.cursor) return {};
    const { revision, eventId } = this.cursor;
    return { after: revision, ...(eventId !== null && { afterId: eventId }) };
  }

  #viewer(
    { after, due }: { readonly after?: number; readonly due: number },
    view: OpenView | undefined,
    subscription: () => SessionSubscription | undefined,
  ): SessionViewer {
    const { rooms, pause, isSlow } = this.options;
    const receive = (frame: SessionFrame): void => {
      if (subscription() === this.#subscription && this.#subscription) this.#receive(frame);
      else this.faults.push(`a frame from ${frame.from} without an open session`);
    };
    const viewer: SessionViewer = {
      audience: rooms,
      denied: async () => undefined,
      whenDrained: (work) => {
        const turn = this.#turns.then(pause).then(work);
        this.#turns = turn.catch(() => undefined);
        return turn;
      },
      opened: (opened) => {
        const mine = subscription();
        if (!mine || !this.#opening.has(mine)) this.faults.push('answered though given up');
        this.#subscription?.end();
        this.#subscription = mine;
        this.#opening.clear();
        this.isCaughtUp = false;
        this.#due = due;
        // What came meanwhile of the old subscription comes again: back to where it asked.
        this.#view = after === undefined ? opened.view : after < 0 ? undefined : view;
        this.#begin(opened, after);
      },
      refused: ({ code }) => {
        this.#opening.clear();
        this.refusedWith = code;
      },
      send: receive,
      join: () => {
        rooms.join(this.sessionId, receive);
        this.joined.add(viewer);
      },
      behind: (revision) => {
        rooms.leave(this.sessionId, receive);
        this.timesBehind += 1;
        this.isCaughtUp = false;
        const held = this.cursor?.revision;
        if (revision !== held) this.faults.push(`behind at ${revision}, holding ${held}`);
      },
      leave: () => {
        rooms.leave(this.sessionId, receive);
        if (!this.joined.delete(viewer)) this.faults.push('left without having joined');
      },
      hasRoomFor: () => !isSlow(),
      closed: ({ code }, revision) => {
        this.#subscription = undefined;
        this.isCaughtUp = false;
        const held = this.cursor?.revision;
        this.faults.push(`closed with ${code}`);
        if (revision !== held) this.faults.push(`closed at ${revision}, holding ${held}`);
      },
    };
    return viewer;
  }

  #begin({ revision, eventId, view }: SessionOpened, after: number | undefined): void {
    if (after === undefined) {
      if (view?.session.revision !== revision) this.faults.push(`no view at ${revision}`);
      this.folds.push({ revision, view });
    } else if (revision !== after) {
      this.faults.push(`asked after ${after}, answered ${revision}`);
    }
    this.cursor = { revision, eventId };
  }

  #receive({ sessionId, from, through, events, caughtUp }: SessionFrame): void {
    const held = this.cursor?.revision ?? NaN;
    if (sessionId !== this.sessionId) this.faults.push(`an event of ${sessionId}`);
    if (from !== held + 1) this.faults.push(`holding ${held}, got from ${from}`);
    if (through !== from + events.length - 1) this.faults.push(`${from} to ${through} is torn`);
    if (caughtUp && this.isCaughtUp) this.faults.push('caught up twice');
    for (const [nth, event] of events.entries()) {
      if (event.revision !== from + nth) this.faults.push(`${event.revision} out of order`);
      this.#view = evolveOpenView(this.#view, event);
      this.folds.push({ revision: event.revision, view: this.#view });
      this.cursor = { revision: event.revision, eventId: event.id };
    }
    if (caughtUp && through < this.#due) this.faults.push(`${through} caught up with ${this.#due}`);
    if (caughtUp) this.isCaughtUp = true;
  }
}
