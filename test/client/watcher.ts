import type { ConsoleOpened, SessionEvent } from '@playhead/contract';
import type { WatchEffect, WatchInput } from '../../packages/client/src/watching/step.ts';
import { watch } from '../../packages/client/src/watching/watch.ts';
import { unwatched, type Watching } from '../../packages/client/src/watching/watching.ts';
import type { ScriptedConsole } from './scripted-console.ts';

export const framesHeldMax = 4;

/** The console's core with a scripted service in the place of sockets and time. */
export class Watcher {
  state: Watching;
  /** What must never happen. */
  readonly faults: string[] = [];
  /** The last whole list, with the place of it in the log. */
  base: ConsoleOpened | undefined;
  /** Events since then. */
  given: SessionEvent[] = [];
  pauses: number[] = [];
  /** How much had failed before each pause. */
  readonly failures: number[] = [];

  constructor(private readonly server: ScriptedConsole) {
    this.state = unwatched({ filter: server.filter, events: true }, framesHeldMax);
  }

  feed(input: WatchInput): void {
    this.#noteBase(input);
    const before = this.state;
    const written = JSON.stringify(before);
    const { state, effects } = watch(before, input);
    if (JSON.stringify(before) !== written) this.faults.push('an old list was changed');
    this.state = state;
    for (const effect of effects) this.#act(effect);
    if (state.phase.is === 'opening' && state.phase.held.length > framesHeldMax) {
      this.faults.push(`${state.phase.held.length} frames are held`);
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
    this.feed({ type: 'cut' });
  }

  /** The first pause ends. */
  wake(): void {
    const nth = this.pauses.shift();
    if (nth !== undefined) this.feed({ type: 'paused', nth });
  }

  /** Everything that goes well goes on until nothing is left to do. */
  settle(): void {
    const { server } = this;
    server.refuseNoMore();
    for (let turn = 0; turn < 5_000; turn += 1) {
      if (!server.isConnected) this.connect();
      else if (server.up.length > 0) server.hear();
      else if (server.isAsked) server.answer(3, 0);
      else if (server.down.length > 0) this.receive();
      else if (server.isReplaying) server.replay();
      else if (this.pauses.length > 0) this.wake();
      else if (this.state.phase.is === 'opening')
        this.feed({ type: 'silence', nth: this.state.nth });
      else return;
    }
    this.faults.push('it never comes to rest');
  }

  #noteBase(input: WatchInput): void {
    const isTaken =
      input.type === 'answered' &&
      input.nth === this.state.nth &&
      this.state.phase.is === 'opening' &&
      input.answer.ok &&
      input.answer.sessions;
    if (!isTaken || !input.answer.ok) return;
    this.base = input.answer;
    this.given = [];
  }

  #act(effect: WatchEffect): void {
    switch (effect.do) {
      case 'open':
        if (!this.server.isConnected) this.faults.push('asked while cut off');
        this.server.up.push(effect);
        return;
      case 'pause':
        this.pauses.push(effect.nth);
        this.failures.push(effect.failed);
        return;
      case 'give':
        for (const event of effect.events) {
          const last = this.given.at(-1)?.position ?? this.base?.position ?? '';
          if (event.position <= last) this.faults.push(`${event.position} given after ${last}`);
          this.given.push(event);
        }
    }
  }
}
