import { refuse, type CommandDone, type Refused } from '@playhead/contract';
import type { Sending, SendingInput, SendingStep, Waiting } from './sending.ts';

/**
 * Brings commands to the service, each until it is answered, however often the connection is cut:
 * the same id every time, so that each has one effect.
 */
export function send(state: Sending, input: SendingInput): SendingStep {
  const { waiting, limits } = state;
  switch (input.type) {
    case 'asked': {
      const { command } = input;
      if (waiting.length >= limits.commandsMax) {
        const refusal = refuse('overloaded', `${limits.commandsMax} commands wait already`);
        return told(state, command.id, { ok: false, ...refusal });
      }
      const one = { command, nth: undefined, failed: 0 };
      const asked = { ...state, waiting: [...waiting, one] };
      return state.isConnected ? sent(asked, [one]) : { state: asked, effects: [] };
    }
    case 'connected':
      return sent({ ...state, isConnected: true }, waiting);
    case 'cut': {
      const unsent = waiting.map((one) => ({ ...one, nth: undefined }));
      return { state: { ...state, isConnected: false, waiting: unsent }, effects: [] };
    }
    case 'answered': {
      // To whichever try: it is the same command.
      const one = waiting.find(({ command }) => command.id === input.id);
      return one ? answered(state, one, input.answer) : { state, effects: [] };
    }
    case 'due':
      return sent(
        state,
        waiting.filter(({ command, nth }) => command.id === input.id && nth === input.nth),
      );
    case 'end':
      return {
        state: { ...state, waiting: [] },
        effects: waiting.map(({ command: { id } }) => ({
          do: 'tell',
          id,
          answer: { ok: false, ...input.refusal },
        })),
      };
  }
}

function answered(state: Sending, one: Waiting, answer: CommandDone | Refused): SendingStep {
  const { id } = one.command;
  const failed = one.failed + 1;
  const isOver = answer.ok || !answer.retry || failed >= state.limits.commandTriesMax;
  if (isOver) {
    const waiting = state.waiting.filter((other) => other !== one);
    return told({ ...state, waiting }, id, answer);
  }
  const nth = state.nth + 1;
  return {
    state: { ...replaced(state, one, { ...one, nth, failed }), nth },
    effects: [{ do: 'pause', nth, id, failed: one.failed }],
  };
}

/** Sends them in their order, each as a try of its own. */
function sent(state: Sending, tries: readonly Waiting[]): SendingStep {
  return tries.reduce<SendingStep>(
    (step, one) => {
      const nth = step.state.nth + 1;
      return {
        state: { ...replaced(step.state, one, { ...one, nth }), nth },
        effects: [...step.effects, { do: 'send', nth, command: one.command }],
      };
    },
    { state, effects: [] },
  );
}

const told = (state: Sending, id: string, answer: CommandDone | Refused): SendingStep => ({
  state,
  effects: [{ do: 'tell', id, answer }],
});

const replaced = (state: Sending, one: Waiting, by: Waiting): Sending => ({
  ...state,
  waiting: state.waiting.map((other) => (other === one ? by : other)),
});
