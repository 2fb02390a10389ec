import type { ConsoleOpened, SessionEvent } from '@playhead/contract';
import {
  type ConsoleEffect,
  type ConsoleInput,
  initialState,
  type ConsoleState,
} from '../../packages/client/src/console/state.ts';
import { transition } from '../../packages/client/src/console/transition.ts';
import type { ScriptedConsole } from './scripted-console.ts';

export const framesBufferedMax = 4;

/** The console's core with a scripted service in the place of sockets and time. */
export class ConsoleHarness {
  state: ConsoleState;
  /** What must never happen. */
  readonly faults: string[] = [];
  /** The last whole list, with the place of it in the log. */
  base: ConsoleOpened | undefined;
  /** Events since then. */
  given: SessionEvent[] = [];
  pauses: number[] = [];
  /** How much had failures before each pause. */
  readonly failures: number[] = [];

  constructor(private readonly server: ScriptedConsole) {
    this.state = initialState({ filter: server.filter, events: true }, framesBufferedMax);
  }

  feed(input: ConsoleInput): void {
    this.#noteBase(input);
    const before = this.state;
    const written = JSON.stringify(before);
    const { state, effects } = transition(before, input);
    if (JSON.stringify(before) !== written) this.faults.push('an old list was changed');
    this.state = state;
    for (const effect of effects) this.#act(effect);
    if (state.phase.is === 'opening' && state.phase.buffered.length > framesBufferedMax) {
      this.faults.push(`${state.phase.buffered.length} frames are held`);
    }
  }

  /** The next message of the service arrives. */
  receive(): void {
    const message = this.server.down.shift();
    if (message) this.feed(message);
  }

  connect(): void {
    if (this.server.isConnected) return;
    this.server.isConnected = true;
    this.feed({ type: 'connected' });
  }

  cut(): void {
    if (!this.server.isConnected) return;
    this.server.cut();
    this.feed({ type: 'disconnected' });
  }

  /** The first pause ends. */
  wake(): void {
    const attempt = this.pauses.shift();
    if (attempt !== undefined) this.feed({ type: 'backoff-over', attempt });
  }

  /** Everything that goes well goes on until nothing is left to do. */
  settle(): void {
    const { server } = this;
    server.refuseNoMore();
    for (let turn = 0; turn < 5_000; turn += 1) {
      if (!server.isConnected) this.connect();
      else if (server.up.length > 0) server.accept();
      else if (server.isAsked) server.answer(3, 0);
      else if (server.down.length > 0) this.receive();
      else if (server.isReplaying) server.replay();
      else if (this.pauses.length > 0) this.wake();
      else if (this.state.phase.is === 'opening')
        this.feed({ type: 'timed-out', attempt: this.state.attempt });
      else return;
    }
    this.faults.push('it never comes to rest');
  }

  #noteBase(input: ConsoleInput): void {
    const isTaken =
      input.type === 'answered' &&
      input.attempt === this.state.attempt &&
      this.state.phase.is === 'opening' &&
      input.answer.ok &&
      input.answer.sessions;
    if (!isTaken || !input.answer.ok) return;
    this.base = input.answer;
    this.given = [];
  }

  #act(effect: ConsoleEffect): void {
    switch (effect.do) {
      case 'open':
        if (!this.server.isConnected) this.faults.push('asked while cut off');
        this.server.up.push(effect);
        return;
      case 'back-off':
        this.pauses.push(effect.attempt);
        this.failures.push(effect.failures);
        return;
      case 'deliver':
        for (const event of effect.events) {
          const last = this.given.at(-1)?.position ?? this.base?.position ?? '';
          if (event.position <= last) this.faults.push(`${event.position} given after ${last}`);
          this.given.push(event);
        }
    }
  }
}
