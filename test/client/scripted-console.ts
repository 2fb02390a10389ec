import { randomUUID } from 'node:crypto';
import {
  changesOf,
  compareSessions,
  eventTypes,
  evolveSession,
  matchesFilter,
  refuse,
  type ConsoleFilter,
  type ConsoleFrame,
  type ConsoleOpen,
  type ConsoleOpened,
  type ConsolePatch,
  type ErrorCode,
  type EventType,
  type Refusal,
  type Refused,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';

const versionOf = (type: string): number =>
  type in eventTypes ? eventTypes[type as EventType].v : 1;

/** What is on its way to the client. */
export type ConsoleMessage =
  | {
      readonly type: 'answered';
      readonly attempt: number;
      readonly answer: ConsoleOpened | Refused;
    }
  | { readonly type: 'frame'; readonly frame: ConsoleFrame }
  | { readonly type: 'behind' }
  | { readonly type: 'closed'; readonly refusal: Refusal };

type Views = ReadonlyMap<string, SessionView>;

/** An opening that the service goes on from. */
interface Delivery {
  /** How much of the log has been sent. */
  sent: number;
  /** Events in a page of what had happened; undefined when what happens is sent. */
  page: number | undefined;
  /** Sessions that the client holds, so that changes are enough. */
  readonly holds: Set<string>;
  readonly frames: ConsoleFrame[];
}

/** Cursors that are further back are refused. */
const FAR = 12;

const states = ['idle', 'working', 'error'] as const;

/** A frame that says only that all has been sent: nobody could tell that it is missing. */
const isMark = (message: ConsoleMessage): boolean =>
  message.type === 'frame' && message.frame.caughtUp === true;

/** The list of a service, and what is on the wire; the test says what happens and when. */
export class ScriptedConsole {
  log: SessionEvent[] = [];
  epoch = randomUUID();
  isConnected = false;
  up: { readonly attempt: number; readonly request: ConsoleOpen }[] = [];
  down: ConsoleMessage[] = [];
  /** The frames since the last answer are on the wire in their order, none is missing. */
  isFaithful = true;
  /** All views there were after so many events; with the first, before any. */
  #views: Views[] = [new Map()];
  #asked: { readonly attempt: number; readonly request: ConsoleOpen } | undefined;
  #delivery: Delivery | undefined;
  readonly #refusals: ErrorCode[] = [];

  constructor(
    readonly filter: ConsoleFilter,
    private readonly listMax: number,
  ) {}

  get views(): Views {
    return this.#views.at(-1) ?? new Map();
  }

  /** What has happened in the session with this number, and its view then, follows from `kind`. */
  append(kinds: readonly number[]): void {
    for (const kind of kinds) {
      const event = this.#eventOf(`s${kind % 5}`, kind);
      const views = new Map(this.views);
      this.log.push(event);
      this.#views.push(
        views.set(event.sessionId, evolveSession(views.get(event.sessionId), event)),
      );
    }
    if (this.#delivery && this.#delivery.page === undefined) this.#tellLive(this.#delivery);
  }

  /** The log is brought back from a copy that lacks its last events; others happen instead. */
  restore(lost: number, kinds: readonly number[]): void {
    this.cut();
    this.epoch = randomUUID();
    this.log = this.log.slice(0, Math.max(0, this.log.length - lost));
    this.#views = this.#views.slice(0, this.log.length + 1);
    this.append(kinds);
  }

  cut(): void {
    this.isConnected = false;
    this.up = [];
    this.down = [];
    this.#asked = undefined;
    this.#delivery = undefined;
  }

  /** Receives the first request; it takes the place of one that is not answered yet. */
  accept(): void {
    const asked = this.up.shift();
    if (!asked) return;
    if (this.#asked) this.#answer(this.#asked.attempt, { ok: false, ...refuse('refused') });
    this.#asked = asked;
  }

  get isAsked(): boolean {
    return this.#asked !== undefined;
  }

  refuseNext(code: ErrorCode): void {
    this.#refusals.push(code);
  }

  refuseNoMore(): void {
    this.#refusals.length = 0;
  }

  /** Answers what it was asked; the list is of a read model that lags by some events. */
  answer(page: number, lag: number): void {
    const asked = this.#asked;
    if (!asked) return;
    this.#asked = undefined;
    const { after, epoch } = asked.request;
    const isGone =
      after !== undefined &&
      (epoch !== this.epoch || after > this.#position() || this.log.length - Number(after) > FAR);
    const code = this.#refusals.shift() ?? (isGone ? 'cursor-unknown' : undefined);
    if (code) return this.#answer(asked.attempt, { ok: false, ...refuse(code) });
    const sent = after === undefined ? Math.max(0, this.log.length - lag) : Number(after);
    const shown = after === undefined ? this.#shown() : [];
    const list = structuredClone(shown.slice(0, this.listMax));
    const whole = after === undefined && { sessions: list, more: shown.length > list.length };
    this.#answer(asked.attempt, {
      ...{ ok: true, position: this.#position(sent), epoch: this.epoch },
      ...whole,
    });
    this.isFaithful = true;
    const holds = new Set(list.map(({ sessionId }) => sessionId));
    this.#delivery = { sent, page, holds, frames: [] };
  }

  get isReplaying(): boolean {
    return this.#delivery?.page !== undefined;
  }

  /** Tells the next page of what had happened, with sessions as they are now. */
  replay(): void {
    const { log } = this;
    const one = this.#delivery;
    if (one?.page === undefined) return;
    if (one.sent === log.length) {
      one.page = undefined;
      const at = this.#position();
      return this.#send(one, { from: at, through: at, patches: [], events: [], caughtUp: true });
    }
    const page = log.slice(one.sent, one.sent + one.page);
    const patches = [...new Set(page.map(({ sessionId }) => sessionId))].map((sessionId) =>
      this.#whole(one, sessionId),
    );
    this.#sendFrame(one, page, patches);
  }

  /** Too much waits for the client: it is sent of the rest from the log. */
  slow(page: number): void {
    if (!this.#delivery || this.isReplaying) return;
    this.#delivery.page = page;
    this.down.push({ type: 'behind' });
  }

  /** Ends the delivery. */
  close(code: ErrorCode): void {
    if (!this.#delivery) return;
    this.#delivery = undefined;
    this.down.push({ type: 'closed', refusal: refuse(code) });
  }

  /** Sends once more a frame that it has sent not long ago. */
  repeat(count: number): void {
    const frame = this.#delivery?.frames.at(-count);
    if (frame) this.down.push({ type: 'frame', frame });
  }

  /** What waits at a place of the wire is lost; answers and frames only, see `isMark`. */
  lose(at: number): void {
    const lost = this.down[at];
    if ((lost?.type !== 'frame' && lost?.type !== 'answered') || isMark(lost)) return;
    if (lost.type === 'frame') this.isFaithful = false;
    this.down.splice(at, 1);
  }

  /** Two that follow each other change places: frames, or an answer and a frame. */
  swap(at: number): void {
    const [one, other] = this.down.slice(at, at + 2);
    if (other?.type !== 'frame' || isMark(other) || (one && isMark(one))) return;
    if (one?.type !== 'frame' && one?.type !== 'answered') return;
    if (one.type === 'frame') this.isFaithful = false;
    this.down.splice(at, 2, other, one);
  }

  #position(count = this.log.length): string {
    return `${count}`.padStart(8, '0');
  }

  #shown(): SessionView[] {
    return [...this.views.values()]
      .filter((view) => matchesFilter(this.filter, view))
      .sort(compareSessions);
  }

  #eventOf(sessionId: string, kind: number): SessionEvent {
    const count = this.log.length + 1;
    const [type, data] = [
      ['session.state-changed', { state: states[kind % 3], message: kind % 3 === 2 ? 'no' : null }],
      ['session.renamed', { name: `${kind}` }],
      ['message.posted', { messageId: `m${count}`, role: 'user', source: 'user', content: 'x' }],
      ['nobody.knows-this', {}],
    ][Math.floor(kind / 5) % 4] as [string, object];
    return {
      ...{ id: randomUUID(), sessionId, revision: (this.views.get(sessionId)?.revision ?? -1) + 1 },
      ...{ position: this.#position(count), type, v: versionOf(type) },
      data: JSON.parse(JSON.stringify(data)) as unknown,
      meta: {
        at: new Date(1_760_000_000_000 + count).toISOString(),
        ...{ actor: 'key:test', commandId: `c${count}` },
      },
    };
  }

  #answer(attempt: number, answer: ConsoleOpened | Refused): void {
    this.down.push({ type: 'answered', attempt, answer });
  }

  #tellLive(one: Delivery): void {
    const before = this.#views[one.sent] ?? new Map<string, SessionView>();
    const events = this.log.slice(one.sent);
    const patches = [...new Set(events.map(({ sessionId }) => sessionId))].flatMap((sessionId) =>
      this.#changed(one, before.get(sessionId), sessionId),
    );
    this.#sendFrame(one, events, patches);
  }

  #changed(one: Delivery, before: SessionView | undefined, sessionId: string): ConsolePatch[] {
    const after = this.views.get(sessionId);
    if (!after) return [];
    const { revision } = after;
    const isKnown = one.holds.has(sessionId);
    const isShown = matchesFilter(this.filter, after);
    const wasShown = before !== undefined && matchesFilter(this.filter, before);
    if (isShown && isKnown && wasShown)
      return [{ type: 'session.updated', sessionId, revision, changes: changesOf(before, after) }];
    return isShown || isKnown || wasShown ? [this.#whole(one, sessionId)] : [];
  }

  #whole(one: Delivery, sessionId: string): ConsolePatch {
    const session = this.views.get(sessionId);
    const revision = session?.revision ?? 0;
    if (!session || !matchesFilter(this.filter, session)) {
      one.holds.delete(sessionId);
      return { type: 'session.left', sessionId, revision };
    }
    one.holds.add(sessionId);
    return { type: 'session.entered', sessionId, revision, session };
  }

  #sendFrame(
    one: Delivery,
    events: readonly SessionEvent[],
    patches: readonly ConsolePatch[],
  ): void {
    const from = this.#position(one.sent);
    one.sent += events.length;
    this.#send(one, { from, through: this.#position(one.sent), patches, events });
  }

  #send(one: Delivery, frame: ConsoleFrame): void {
    one.frames.push(frame);
    this.down.push({ type: 'frame', frame });
  }
}
