import { randomUUID } from 'node:crypto';
import {
  eventTypes,
  evolveOpenView,
  refuse,
  type ErrorCode,
  type EventType,
  type OpenView,
  type Refusal,
  type Refused,
  type SessionEvent,
  type SessionFrame,
  type SessionOpen,
  type SessionOpened,
} from '@playhead/contract';

/** What is on its way to the client. */
export type Message =
  | {
      readonly type: 'answered';
      readonly attempt: number;
      readonly answer: SessionOpened | Refused;
    }
  | { readonly type: 'frame'; readonly frame: SessionFrame }
  | { readonly type: 'behind' }
  | { readonly type: 'closed'; readonly refusal: Refusal };

interface Asked {
  readonly attempt: number;
  readonly request: SessionOpen;
}

/** An event of a session that has many types of them. */
const eventAt = (revision: number): SessionEvent => {
  const id = randomUUID();
  const nth = Math.floor(revision / 10) % 5;
  const streamed = { messageId: `m${nth}`, role: 'assistant', source: 'agent' };
  const callId = `c${nth}`;
  // Tool calls begin in the middle of a streamed message, and end after it.
  const [type, data] = [
    [
      'message.posted',
      { messageId: `p${revision % 7}`, role: 'user', source: 'user', content: id },
    ],
    ['message.started', streamed],
    ['message.chunked', { messageId: `m${nth}`, from: 0, to: 0, text: id }],
    ['tool.called', { callId, tool: 'bash', input: { revision } }],
    ['tool.output', { callId, text: id }],
    ['session.renamed', { name: id }],
    ['message.completed', { ...streamed, content: id }],
    ['participant.joined', { participantId: `p${revision % 3}`, kind: 'user' }],
    ['tool.finished', { callId, outcome: 'finished', exitCode: 0 }],
    ['nobody.knows-this', { revision }],
  ][revision % 10] as [string, object];
  const at = new Date(1_760_000_000_000 + revision).toISOString();
  const v = type in eventTypes ? eventTypes[type as EventType].v : 1;
  return {
    ...{ id, sessionId: 's1', revision, position: `${revision}`.padStart(8, '0'), type, v },
    ...{ data, meta: { at, actor: 'key:test', commandId: id } },
  };
};

/** What only makes sense in its place on the wire. */
const isInOrder = ({ type }: Message): boolean => type === 'closed' || type === 'behind';

/** One session of a service, and what is on the wire; the test says what happens and when. */
export class ScriptedServer {
  log: SessionEvent[] = [];
  /** Every log there has been, the restored ones after those they took the place of. */
  readonly logs: SessionEvent[][] = [this.log];
  /** What the log folds to, at each event. */
  readonly views = new Map<string, OpenView>();
  isConnected = false;
  up: Asked[] = [];
  down: Message[] = [];
  /** The frames since the last answer are on the wire in their order, none is missing. */
  isFaithful = true;
  /** The frame that says `caughtUp` was lost: a frame that follows cannot show that. */
  isCaughtUpLost = false;
  #asked: Asked | undefined;
  /** Through which revision the open session has been sent. */
  #sent: number | undefined;
  /** Events in a page of the replay; undefined when it is over. */
  #page: number | undefined;
  readonly #refusals: ErrorCode[] = [];

  get head(): SessionEvent | undefined {
    return this.log.at(-1);
  }

  get isAsked(): boolean {
    return this.#asked !== undefined;
  }

  append(count: number): void {
    for (let attempt = 0; attempt < count; attempt += 1) {
      const event = eventAt(this.log.length);
      const before = this.head && this.views.get(this.head.id);
      this.log.push(event);
      this.views.set(event.id, evolveOpenView(before, event));
    }
    if (this.#sent !== undefined && this.#page === undefined) this.#send(this.log.length);
  }

  /** The log is brought back from a copy that lacks its last events; others happen instead. */
  restore(kept: number, appended: number): void {
    this.cut();
    this.log = this.log.slice(0, Math.max(1, kept));
    this.logs.push(this.log);
    this.append(appended);
  }

  connect(): void {
    this.isConnected = true;
  }

  cut(): void {
    this.isConnected = false;
    this.up = [];
    this.down = [];
    this.#asked = undefined;
    this.#sent = undefined;
    this.#page = undefined;
  }

  /** Receives the first request; it takes the place of one that is not answered yet. */
  accept(): void {
    const asked = this.up.shift();
    if (!asked) return;
    if (this.#asked) this.#answer(this.#asked.attempt, { ok: false, ...refuse('refused') });
    this.#asked = asked;
  }

  /** One more opening is refused. */
  refuseNext(code: ErrorCode): void {
    this.#refusals.push(code);
  }

  refuseNoMore(): void {
    this.#refusals.length = 0;
  }

  /** Answers what it was asked; the replay has so many events in a page. */
  answer(page: number): void {
    const asked = this.#asked;
    if (!asked) return;
    this.#asked = undefined;
    const code = this.#refusals.shift() ?? this.#unknown(asked.request);
    if (code) return this.#answer(asked.attempt, { ok: false, ...refuse(code) });
    const { after = this.log.length - 1 } = asked.request;
    const at = this.log[after];
    const opened = { ok: true as const, sessionId: 's1', epoch: 'e', revision: after };
    const view = asked.request.after === undefined && at && this.views.get(at.id);
    this.#answer(asked.attempt, { ...opened, eventId: at?.id ?? null, ...(view && { view }) });
    this.isFaithful = true;
    this.isCaughtUpLost = false;
    this.#sent = after;
    this.#page = page;
  }

  get isReplaying(): boolean {
    return this.#page !== undefined;
  }

  /** Sends the next page of the replay. */
  replay(): void {
    if (this.#sent === undefined || this.#page === undefined) return;
    const end = Math.min(this.#sent + 1 + this.#page, this.log.length);
    const isLast = end === this.log.length;
    if (isLast) this.#page = undefined;
    this.#send(end, isLast);
  }

  /** Too much waits: what happens now comes in pages, as in a replay. */
  fallBehind(): void {
    if (this.#sent === undefined || this.#page !== undefined) return;
    this.#page = 2;
    this.down.push({ type: 'behind' });
  }

  /** Ends the delivery. */
  close(code: ErrorCode): void {
    if (this.#sent === undefined) return;
    this.#sent = undefined;
    this.#page = undefined;
    this.down.push({ type: 'closed', refusal: refuse(code) });
  }

  /** Sends once more what it has sent last, beginning earlier or later than it did then. */
  repeat(count: number): void {
    if (this.#sent === undefined) return;
    const from = Math.max(0, this.#sent + 1 - count);
    this.down.push({ type: 'frame', frame: this.#frame(from, this.#sent + 1) });
  }

  /** What waits at a place of the wire is lost; answers and frames only. */
  lose(at: number): void {
    const lost = this.down[at];
    if (!lost || isInOrder(lost)) return;
    if (lost.type === 'frame') {
      this.isFaithful = false;
      this.isCaughtUpLost ||= lost.frame.caughtUp === true;
    }
    this.down.splice(at, 1);
  }

  /** Two that follow each other change places: frames, or an answer and a frame. */
  swap(at: number): void {
    const [one, other] = this.down.slice(at, at + 2);
    if (!one || !other || isInOrder(one) || isInOrder(other)) return;
    // The answer to an opening marks where frames begin; it may come late, never early.
    if (other.type === 'answered') return;
    if (one.type === 'frame') this.isFaithful = false;
    this.down.splice(at, 2, other, one);
  }

  #unknown({ after, afterId }: SessionOpen): ErrorCode | undefined {
    if (after === undefined || after < 0) return undefined;
    const at = this.log[after];
    return at && (afterId === undefined || afterId === at.id) ? undefined : 'cursor-unknown';
  }

  #answer(attempt: number, answer: SessionOpened | Refused): void {
    this.down.push({ type: 'answered', attempt, answer });
  }

  #send(end: number, caughtUp = false): void {
    const frame = this.#frame((this.#sent ?? -1) + 1, end);
    this.#sent = frame.through;
    if (caughtUp) this.isCaughtUpLost = false;
    this.down.push({ type: 'frame', frame: caughtUp ? { ...frame, caughtUp } : frame });
  }

  #frame(from: number, end: number): SessionFrame {
    return { sessionId: 's1', from, through: end - 1, events: this.log.slice(from, end) };
  }
}
