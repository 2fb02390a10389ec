import type {
  CommandAnswer,
  CommandDone,
  Refusal,
  Refused,
  SocketCommand,
} from '@playhead/contract';
import { limits } from './limits.ts';
import type { Link } from './link.ts';
import { newId } from './new-id.ts';
import { pauseMs } from './pause.ts';
import { RefusedError } from './refused-error.ts';
import { send } from './sending/send.ts';
import { unasked, type SendingEffect, type SendingInput } from './sending/sending.ts';

/** All commands of a client, on its link. */
export class Commands {
  #state = unasked(limits);
  readonly #askers = new Map<string, (answer: CommandDone | Refused) => void>();
  readonly #pauses = new Set<ReturnType<typeof setTimeout>>();

  constructor(private readonly link: Link) {
    link.listen({
      connected: () => this.#feed({ type: 'connected' }),
      cut: () => this.#feed({ type: 'cut' }),
      refused: (refusal) => this.#end(refusal),
    });
  }

  /** Resolves with the service's answer. Rejects with `RefusedError`. */
  ask(command: Omit<SocketCommand, 'id'>): Promise<CommandAnswer> {
    const { refusal } = this.link;
    if (refusal) return Promise.reject(new RefusedError(refusal));
    const id = newId();
    return new Promise((resolve, reject) => {
      this.#askers.set(id, (answer) => {
        if (!answer.ok) return reject(new RefusedError(answer));
        const { ok: _, ...done } = answer;
        resolve(done);
      });
      this.#feed({ type: 'asked', command: { id, ...command } });
    });
  }

  #end(refusal: Refusal): void {
    for (const pause of this.#pauses) clearTimeout(pause);
    this.#feed({ type: 'end', refusal });
  }

  #feed(input: SendingInput): void {
    const { state, effects } = send(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#act(effect);
  }

  #act(effect: SendingEffect): void {
    switch (effect.do) {
      case 'send': {
        const { command, nth } = effect;
        const { id } = command;
        this.link.socket
          .timeout(limits.answerMs)
          .emit('command', command, (silence, answer) =>
            this.#feed(silence ? { type: 'due', id, nth } : { type: 'answered', id, answer }),
          );
        return;
      }
      case 'pause': {
        const { id, nth, failed } = effect;
        const pause = setTimeout(
          () => {
            this.#pauses.delete(pause);
            this.#feed({ type: 'due', id, nth });
          },
          pauseMs(failed, Math.random()),
        );
        this.#pauses.add(pause);
        return;
      }
      case 'tell':
        this.#askers.get(effect.id)?.(effect.answer);
        this.#askers.delete(effect.id);
    }
  }
}
