import {
  changesOf,
  matchesFilter,
  type ConsoleFilter,
  type ConsoleFrame,
  type ConsolePatch,
} from '@playhead/contract';
import { LRUCache } from 'lru-cache';
import type { RecordedEvent } from '../../log/event-log.ts';
import { asSessionEvent, wireBytes } from '../frames.ts';
import { listedSessionOf } from './session-cache.ts';
import type { Change, FoldedBatch } from './fold-batch.ts';
import type { ConsoleAudience } from './console-viewer.ts';

/** A live console in a room. */
export interface ConsoleMember {
  readonly audience: ConsoleAudience;
  /** Whether it can be sent a frame of this size. If not, it has already left the room. */
  accepts(bytes: number): boolean;
}

/** What the consoles of one room have in common. */
export interface ConsoleRoomOptions {
  readonly room: string;
  readonly filter: ConsoleFilter;
  readonly withEvents: boolean;
  /** After so many events without a change an empty frame moves the cursors on. */
  readonly quietMax: number;
  readonly knownMax: number;
}

/** Bytes of a patch beside the view in it, roughly. */
const PATCH_BYTES = 120;

/** Live consoles that show the same sessions: one frame is made and encoded for all of them. */
export class ConsoleRoom {
  readonly members = new Set<ConsoleMember>();
  /** Sessions that every member holds, so that changed fields suffice; others are sent whole. */
  #known: LRUCache<string, true>;
  #quiet = 0;

  /** `through` is where its members are. */
  constructor(
    readonly options: ConsoleRoomOptions,
    public through: string,
  ) {
    this.#known = new LRUCache({ max: options.knownMax });
  }

  /** Adds a console that has been sent everything up to `through`, and holds these sessions. */
  join(member: ConsoleMember, through: string, holds: ReadonlySet<string>): void {
    if (this.members.size > 0 && this.through < through) this.#send(through, [], [], PATCH_BYTES);
    this.through = through;
    if (this.members.size === 0) {
      this.#known.clear();
      for (const sessionId of holds) this.#known.set(sessionId, true);
    } else {
      for (const sessionId of [...this.#known.keys()]) {
        if (!holds.has(sessionId)) this.#known.delete(sessionId);
      }
    }
    this.members.add(member);
  }

  /** Sends the members what the next batch of the log changes for them. */
  publish(batch: FoldedBatch): void {
    const left = new Set<string>();
    let bytes = PATCH_BYTES;
    const patches = batch.changes.flatMap((change) => {
      const isKnown = this.#known.has(change.after.sessionId);
      const patch = this.#patchOf(change, isKnown);
      if (!patch) return [];
      // A session that a member only might hold may never have matched: its events are not sent.
      const wasShown = isKnown || change.before !== undefined;
      if (patch.type === 'session.left' && wasShown) left.add(patch.sessionId);
      bytes += PATCH_BYTES + bytesOf(patch, change);
      return [patch];
    });
    const events = this.options.withEvents
      ? eventsShown(batch, this.options.filter, left)
      : NO_EVENTS;
    this.#quiet += batch.events.length;
    const isQuiet = patches.length === 0 && events.length === 0;
    if (isQuiet && this.#quiet < this.options.quietMax) return;
    this.#send(batch.through, patches, events, bytes + wireBytes(events));
  }

  #patchOf({ before, after }: Change, isKnown: boolean): ConsolePatch | undefined {
    const { sessionId, revision } = after;
    const { filter } = this.options;
    if (!matchesFilter(filter, after)) {
      this.#known.delete(sessionId);
      // A client that resumed from a cursor may hold it; the others ignore the patch.
      const mayBeHeld = before === undefined || (before !== null && matchesFilter(filter, before));
      return isKnown || mayBeHeld ? { type: 'session.left', sessionId, revision } : undefined;
    }
    this.#known.set(sessionId, true);
    return isKnown && before && matchesFilter(filter, before)
      ? { type: 'session.updated', sessionId, revision, changes: changesOf(before, after) }
      : { type: 'session.entered', sessionId, revision, session: after };
  }

  #send(
    through: string,
    patches: readonly ConsolePatch[],
    events: readonly RecordedEvent[],
    bytes: number,
  ): void {
    const { room, withEvents } = this.options;
    const frame: ConsoleFrame = {
      from: this.through,
      through,
      patches,
      ...(withEvents && { events: events.map(asSessionEvent) }),
    };
    const receivers = [...this.members].filter((member) => member.accepts(bytes));
    const audiences = new Set(receivers.map(({ audience }) => audience));
    for (const audience of audiences) audience.broadcast(room, frame);
    this.through = through;
    this.#quiet = 0;
  }
}

const NO_EVENTS: readonly RecordedEvent[] = [];

/** What a patch adds to a frame; changes are small, whole views were measured once for all. */
const bytesOf = (patch: ConsolePatch, { bytes }: Change): number => {
  if (patch.type === 'session.updated') return JSON.stringify(patch.changes).length;
  return patch.type === 'session.entered' ? bytes : 0;
};

/** Events of sessions that a console shows now, or that it showed and which are in `left`. */
export const eventsShown = (
  { events, sessions }: Pick<FoldedBatch, 'events' | 'sessions'>,
  filter: ConsoleFilter,
  left: ReadonlySet<string>,
): readonly RecordedEvent[] =>
  events.filter((event) => {
    const sessionId = listedSessionOf(event);
    if (sessionId === undefined) return false;
    const view = sessions.get(sessionId)?.view;
    if (left.has(sessionId)) return true;
    return view ? matchesFilter(filter, view) : Object.keys(filter).length === 0;
  });
