import type { Refusal, SessionEvent } from '@playhead/contract';
import { transition } from '../../packages/client/src/session/transition.ts';
import {
  initialState,
  type Cursor,
  type SessionState,
  type SessionEffect,
  type SessionInput,
} from '../../packages/client/src/session/state.ts';
import type { ScriptedServer } from './scripted-server.ts';

export const bounds = { framesBufferedMax: 6, eventsBufferedMax: 5 };

/** Somebody who reads events, at a pace that the test sets. */
export interface TestReader {
  readonly id: number;
  readonly given: SessionEvent[];
  /** How many of them it has not taken yet. */
  waiting: number;
  finished?: { readonly refusal: Refusal | undefined };
  hasLeft?: true;
}

/** The client's core with a scripted server in the place of sockets and time. */
export class SessionHarness {
  state: SessionState;
  readonly readers: TestReader[] = [];
  /** What must never happen. */
  readonly faults: string[] = [];
  /** Events that came, however often. */
  received = 0;
  /** Pauses that have not been ended. */
  pauses: number[] = [];

  constructor(
    private readonly server: ScriptedServer,
    origin: Cursor | undefined,
  ) {
    this.state = initialState('s1', bounds, origin);
  }

  feed(input: SessionInput): void {
    const { state, effects } = transition(this.state, input);
    this.state = state;
    for (const effect of effects) this.#act(effect);
    this.#judge();
  }

  /** The next message of the server arrives. */
  receive(): void {
    const message = this.server.down.shift();
    if (message?.type === 'frame') this.received += message.frame.events.length;
    if (message) this.feed(message);
  }

  read(): void {
    const id = this.readers.length;
    this.readers.push({ id, given: [], waiting: 0 });
    this.feed({ type: 'added', reader: id });
  }

  take(id: number): void {
    const reader = this.readers[id];
    if (!reader || reader.waiting === 0) return;
    reader.waiting -= 1;
    this.feed({ type: 'consumed', reader: id });
  }

  leave(id: number): void {
    const reader = this.readers[id];
    if (!reader || reader.hasLeft) return;
    reader.hasLeft = true;
    reader.waiting = 0;
    this.feed({ type: 'removed', reader: id });
  }

  /** The first pause ends. */
  wake(): void {
    const attempt = this.pauses.shift();
    if (attempt !== undefined) this.feed({ type: 'backoff-over', attempt });
  }

  /**
   * Everything that goes well goes on until nothing is left to do; frames may be faster than the
   * answer that they follow, as long as they can be held.
   */
  settle(answersAreLate = false): void {
    const { server } = this;
    server.refuseNoMore();
    for (let turn = 0; turn < 20_000; turn += 1) {
      const reader = this.readers.find(({ waiting }) => waiting > 0);
      const { phase } = this.state;
      const isWaiting = phase.is === 'opening';
      const isHolding = isWaiting && phase.buffered.length < bounds.framesBufferedMax;
      const isLate = answersAreLate && isHolding;
      if (!server.isConnected) this.connect();
      else if (server.up.length > 0) server.accept();
      else if (server.isAsked) server.answer(3);
      else if (isLate && server.isReplaying && server.down.length < 2) server.replay();
      else if (server.down.length > 0) this.#receive(isLate);
      else if (server.isReplaying) server.replay();
      else if (this.pauses.length > 0) this.wake();
      else if (reader) this.take(reader.id);
      else if (isWaiting) this.feed({ type: 'timed-out', attempt: this.state.attempt });
      else return;
    }
    this.faults.push('it never comes to rest');
  }

  connect(): void {
    if (this.server.isConnected) return;
    this.server.connect();
    this.feed({ type: 'connected' });
  }

  cut(): void {
    if (!this.server.isConnected) return;
    this.server.cut();
    this.feed({ type: 'disconnected' });
  }

  #receive(isLate: boolean): void {
    if (isLate) this.server.swap(0);
    this.receive();
  }

  #act(effect: SessionEffect): void {
    switch (effect.do) {
      case 'open':
        if (!this.server.isConnected) this.faults.push('asked while cut off');
        this.server.up.push(effect);
        return;
      case 'back-off':
        this.pauses.push(effect.attempt);
        return;
      case 'deliver':
        this.#give(effect.reader, effect.events);
        return;
      case 'finish': {
        const reader = this.readers[effect.reader];
        if (!reader || reader.finished) this.faults.push('finished twice');
        else reader.finished = { refusal: effect.refusal };
      }
    }
  }

  #give(id: number, events: readonly SessionEvent[]): void {
    const reader = this.readers[id];
    if (!reader || reader.finished || reader.hasLeft || events.length === 0)
      this.faults.push('given to nobody');
    for (const event of events) {
      const last = reader?.given.at(-1);
      if (last && event.revision !== last.revision + 1) {
        this.faults.push(`${event.revision} given after ${last.revision}`);
      }
      reader?.given.push(event);
    }
    if (reader) reader.waiting += events.length;
  }

  /** What holds after every step. */
  #judge(): void {
    const { phase, cursor, view } = this.state;
    if (phase.is === 'opening' && phase.buffered.length > bounds.framesBufferedMax) {
      this.faults.push(`${phase.buffered.length} frames are held`);
    }
    for (const { waiting } of this.readers) {
      if (waiting > bounds.eventsBufferedMax) this.faults.push(`${waiting} events are kept`);
    }
    if ((cursor === undefined) !== (view === undefined)) this.faults.push('a view of nowhere');
    if (cursor && cursor.revision !== view?.session.revision) {
      this.faults.push(`a view of ${view?.session.revision} at ${cursor.revision}`);
    }
    if (cursor && !this.server.views.has(cursor.eventId ?? '')) this.faults.push('a lost id');
  }
}
