import {
  compareSessions,
  evolveConsole,
  type ConsoleFilter,
  type ConsoleFrame,
  type ConsoleList,
  type ErrorCode,
} from '@playhead/contract';
import type { ConsoleSubscriptions } from '../../src/live/console/console-subscriptions.ts';
import type { ConsoleViewer } from '../../src/live/console/console-viewer.ts';
import type { ConsoleSubscription } from '../../src/live/console/console-subscription.ts';

/** Rooms of a pretended socket server. */
export class ConsoleRooms {
  readonly #joined = new Map<string, Set<(frame: ConsoleFrame) => void>>();

  broadcast(room: string, frame: ConsoleFrame): void {
    for (const receive of this.#joined.get(room) ?? []) receive(frame);
  }

  join(room: string, receive: (frame: ConsoleFrame) => void): void {
    this.#joined.set(room, (this.#joined.get(room) ?? new Set()).add(receive));
  }

  leave(room: string, receive: (frame: ConsoleFrame) => void): void {
    this.#joined.get(room)?.delete(receive);
  }
}

export interface ConsoleClientOptions {
  readonly console: ConsoleSubscriptions;
  readonly rooms: ConsoleRooms;
  readonly filter: ConsoleFilter;
  readonly withEvents: boolean;
  readonly pause: () => Promise<void>;
  readonly isSlow: () => boolean;
}

/** A console that keeps its list and cursor over cuts, and notes what must not happen to it. */
export class ConsoleClient {
  readonly faults: string[] = [];
  /** The list after each answer and frame. */
  readonly lists: ConsoleList[] = [];
  /** Ids of events in the order of arrival. */
  readonly events: string[] = [];
  refusedWith: ErrorCode | undefined;
  isCaughtUp = false;
  /** How often it was too slow for what happened. */
  timesBehind = 0;
  list: ConsoleList | undefined;
  #subscription: ConsoleSubscription | undefined;
  #turns: Promise<void> = Promise.resolve();

  constructor(readonly options: ConsoleClientOptions) {}

  get isOpen(): boolean {
    return this.#subscription !== undefined;
  }

  /** Opens from its cursor, if it has one and is not asked to forget it. */
  open(isFresh: boolean): void {
    if (this.#subscription) return;
    const { filter, withEvents: events } = this.options;
    const cursor = isFresh ? undefined : this.list;
    if (!cursor) this.events.length = 0;
    this.refusedWith = undefined;
    const at = cursor && { after: cursor.position, epoch: cursor.epoch };
    const viewer = this.#viewer(cursor, () => subscription);
    const subscription: ConsoleSubscription = this.options.console.open(
      { ...at, filter, events },
      viewer,
    );
    this.#subscription = subscription;
  }

  /** The cable is cut. */
  drop(): void {
    this.#subscription?.end();
    this.#subscription = undefined;
    this.isCaughtUp = false;
  }

  #viewer(cursor: ConsoleList | undefined, subscription: () => ConsoleSubscription): ConsoleViewer {
    const { rooms, pause, isSlow } = this.options;
    const receive = (frame: ConsoleFrame): void => {
      if (subscription() === this.#subscription && this.list) this.#receive(this.list, frame);
      else this.faults.push('a frame after the end');
    };
    const over = (): void => {
      this.#subscription = undefined;
      this.isCaughtUp = false;
    };
    return {
      audience: rooms,
      denied: async () => undefined,
      whenDrained: (work) => {
        const turn = this.#turns.then(pause).then(work);
        this.#turns = turn.catch(() => undefined);
        return turn;
      },
      opened: ({ position, epoch, sessions }) => {
        if (cursor && position !== cursor.position) this.faults.push('not where it asked');
        if (!cursor !== (sessions !== undefined)) this.faults.push('a list when none was due');
        const list = { position, epoch, sessions: sessions ?? cursor?.sessions ?? [] };
        const sorted = [...list.sessions].sort(compareSessions);
        if (sessions && JSON.stringify(sorted) !== JSON.stringify(sessions)) {
          this.faults.push('out of order');
        }
        this.list = list;
        this.lists.push(list);
      },
      refused: ({ code }) => {
        over();
        this.refusedWith = code;
      },
      send: receive,
      join: (room) => rooms.join(room, receive),
      behind: (room, position) => {
        rooms.leave(room, receive);
        this.timesBehind += 1;
        this.isCaughtUp = false;
        if (position !== this.list?.position) this.faults.push(`behind at ${position}`);
      },
      leave: (room) => rooms.leave(room, receive),
      hasRoomFor: () => !isSlow(),
      closed: ({ code }, position) => {
        over();
        this.faults.push(`closed with ${code}`);
        if (position !== this.list?.position) this.faults.push(`closed at ${position}`);
      },
    };
  }

  #receive(list: ConsoleList, frame: ConsoleFrame): void {
    const { position } = list;
    if (frame.from !== position) this.faults.push(`at ${position}, got from ${frame.from}`);
    if (frame.through < frame.from) this.faults.push(`back to ${frame.through}`);
    if (frame.caughtUp && this.isCaughtUp) this.faults.push('caught up twice');
    for (const event of frame.events ?? []) {
      if (event.position <= frame.from || event.position > frame.through) {
        this.faults.push(`an event at ${event.position} in ${frame.from} to ${frame.through}`);
      }
      this.events.push(event.id);
    }
    const before = JSON.stringify(list);
    this.list = evolveConsole(list, frame);
    if (JSON.stringify(list) !== before) this.faults.push('the fold changed an old list');
    this.lists.push(this.list);
    if (frame.caughtUp) this.isCaughtUp = true;
  }
}
