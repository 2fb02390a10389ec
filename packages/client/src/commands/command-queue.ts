import type {
  CommandAnswer,
  CommandDone,
  Refusal,
  Refused,
  SocketCommand,
} from '@playhead/contract';
import { newId } from '../ids.ts';
import { limits } from '../limits.ts';
import { type Connection, backoffMs } from '../connection.ts';
import { RefusedError } from '../refused-error.ts';
import {
  transition,
  emptyQueue,
  type CommandQueueEffect,
  type CommandQueueInput,
} from './state-machine.ts';

/** All commands of a client, on its connection. */
export class CommandQueue {
  #state = emptyQueue(limits);
  readonly #callers = new Map<string, (answer: CommandDone | Refused) => void>();
  readonly #backoffs = new Set<ReturnType<typeof setTimeout>>();

  constructor(private readonly connection: Connection) {
    connection.listen({
      connected: () => this.#dispatch({ type: 'connected' }),
      disconnected: () => this.#dispatch({ type: 'disconnected' }),
      refused: (refusal) => this.#end(refusal),
    });
  }

  /** Resolves with the service's answer. Rejects with `RefusedError`. */
  enqueue(command: Omit<SocketCommand, 'id'>): Promise<CommandAnswer> {
    const { refusal } = this.connection;
    if (refusal) return Promise.reject(new RefusedError(refusal));
    const id = newId();
    return new Promise((resolve, reject) => {
      this.#callers.set(id, (answer) => {
        if (!answer.ok) return reject(new RefusedError(answer));
        const { ok: _, ...done } = answer;
        resolve(done);
      });
      this.#dispatch({ type: 'enqueued', command: { id, ...command } });
    });
  }

  #end(refusal: Refusal): void {
    for (const backoff of this.#backoffs) clearTimeout(backoff);
    this.#dispatch({ type: 'end', refusal });
  }

  #dispatch(input: CommandQueueInput): void {
    const { state, effects } = transition(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#run(effect);
  }

  #run(effect: CommandQueueEffect): void {
    switch (effect.do) {
      case 'send': {
        const { command, attempt } = effect;
        const { id } = command;
        this.connection.socket.timeout(limits.answerMs).emit('command', command, (timeout, ack) => {
          if (timeout) return this.#dispatch({ type: 'retry', id, attempt });
          const answer = ack.ok ? ack : this.connection.assess(ack);
          this.#dispatch({ type: 'answered', id, answer });
        });
        return;
      }
      case 'back-off': {
        const { id, attempt, failures } = effect;
        const backoff = setTimeout(
          () => {
            this.#backoffs.delete(backoff);
            this.#dispatch({ type: 'retry', id, attempt });
          },
          backoffMs(failures, Math.random()),
        );
        this.#backoffs.add(backoff);
        return;
      }
      case 'settle':
        this.#callers.get(effect.id)?.(effect.answer);
        this.#callers.delete(effect.id);
    }
  }
}
