import {
  refuse,
  type CommandDone,
  type Refused,
  type Refusal,
  type SocketCommand,
} from '@playhead/contract';

/**
 * The state machine of the command queue. Each command is sent until it is answered, however often
 * the connection is lost, and always with the same id, so that it has its effect once.
 */
export function transition(
  state: CommandQueueState,
  input: CommandQueueInput,
): CommandQueueTransition {
  const { pending, limits } = state;
  switch (input.type) {
    case 'enqueued': {
      const { command } = input;
      if (pending.length >= limits.commandsMax) {
        const refusal = refuse('overloaded', `${limits.commandsMax} commands wait already`);
        return settled(state, command.id, { ok: false, ...refusal });
      }
      const one = { command, attempt: undefined, failures: 0 };
      const queued = { ...state, pending: [...pending, one] };
      return state.isConnected ? sent(queued, [one]) : { state: queued, effects: [] };
    }
    case 'connected':
      return sent({ ...state, isConnected: true }, pending);
    case 'disconnected': {
      const unsent = pending.map((one) => ({ ...one, attempt: undefined }));
      return { state: { ...state, isConnected: false, pending: unsent }, effects: [] };
    }
    case 'answered': {
      // The answer to any attempt counts: it is the same command.
      const one = pending.find(({ command }) => command.id === input.id);
      return one ? answered(state, one, input.answer) : { state, effects: [] };
    }
    case 'retry':
      return sent(
        state,
        pending.filter(
          ({ command, attempt }) => command.id === input.id && attempt === input.attempt,
        ),
      );
    case 'end':
      return {
        state: { ...state, pending: [] },
        effects: pending.map(({ command: { id } }) => ({
          do: 'settle',
          id,
          answer: { ok: false, ...input.refusal },
        })),
      };
  }
}

function answered(
  state: CommandQueueState,
  one: PendingCommand,
  answer: CommandDone | Refused,
): CommandQueueTransition {
  const { id } = one.command;
  const failures = one.failures + 1;
  const isSettled = answer.ok || !answer.retry || failures >= state.limits.commandTriesMax;
  if (isSettled) {
    const pending = state.pending.filter((other) => other !== one);
    return settled({ ...state, pending }, id, answer);
  }
  const attempt = state.attempt + 1;
  return {
    state: {
      ...replaced(state, one, { ...one, attempt, failures }),
      attempt,
    },
    effects: [{ do: 'back-off', attempt, id, failures: one.failures }],
  };
}

/** Sends them in order, each as a new attempt. */
function sent(state: CommandQueueState, tries: readonly PendingCommand[]): CommandQueueTransition {
  return tries.reduce<CommandQueueTransition>(
    (result, one) => {
      const attempt = result.state.attempt + 1;
      return {
        state: { ...replaced(result.state, one, { ...one, attempt }), attempt },
        effects: [...result.effects, { do: 'send', attempt, command: one.command }],
      };
    },
    { state, effects: [] },
  );
}

const settled = (
  state: CommandQueueState,
  id: string,
  answer: CommandDone | Refused,
): CommandQueueTransition => ({
  state,
  effects: [{ do: 'settle', id, answer }],
});

const replaced = (
  state: CommandQueueState,
  one: PendingCommand,
  by: PendingCommand,
): CommandQueueState => ({
  ...state,
  pending: state.pending.map((other) => (other === one ? by : other)),
});

/** A command that is not answered yet. */
export interface PendingCommand {
  readonly command: SocketCommand;
  /** Number of the latest attempt or backoff; undefined while disconnected. */
  readonly attempt: number | undefined;
  /** How often the service answered that it may succeed later. */
  readonly failures: number;
}

/** The commands that are not answered yet, in the order in which they came. */
export interface CommandQueueState {
  readonly isConnected: boolean;
  readonly attempt: number;
  readonly pending: readonly PendingCommand[];
  readonly limits: CommandQueueLimits;
}

/** What is kept and tried at most, as `limits.ts` has it. */
export interface CommandQueueLimits {
  readonly commandsMax: number;
  readonly commandTriesMax: number;
}

/** What happens to commands. */
export type CommandQueueInput =
  | { readonly type: 'enqueued'; readonly command: SocketCommand }
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  | { readonly type: 'answered'; readonly id: string; readonly answer: CommandDone | Refused }
  /** This attempt was not answered in time, or its backoff is over. */
  | { readonly type: 'retry'; readonly id: string; readonly attempt: number }
  /** The client is closed or refused: no command will be answered. */
  | { readonly type: 'end'; readonly refusal: Refusal };

/** What the driver must do. */
export type CommandQueueEffect =
  /** Send it; what comes of it is `answered`, or `retry` with this `attempt`. */
  | { readonly do: 'send'; readonly attempt: number; readonly command: SocketCommand }
  /** Wait, longer after each failure; then comes `retry` with this `attempt`. */
  | {
      readonly do: 'back-off';
      readonly attempt: number;
      readonly id: string;
      readonly failures: number;
    }
  | { readonly do: 'settle'; readonly id: string; readonly answer: CommandDone | Refused };

/** The next state and what to do. */
export interface CommandQueueTransition {
  readonly state: CommandQueueState;
  readonly effects: readonly CommandQueueEffect[];
}

/** A queue without commands. */
export const emptyQueue = (limits: CommandQueueLimits): CommandQueueState => ({
  isConnected: false,
  attempt: 0,
  pending: [],
  limits,
});
