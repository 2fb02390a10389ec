import type { CommandDone, Refusal, Refused, SocketCommand } from '@playhead/contract';

/** A command that is not answered yet. */
export interface Waiting {
  readonly command: SocketCommand;
  /** Of the latest try or pause; undefined while cut off. */
  readonly nth: number | undefined;
  /** How often the service answered that it may succeed later. */
  readonly failed: number;
}

/** The commands that wait for their answers, in the order in which they were asked for. */
export interface Sending {
  readonly isConnected: boolean;
  readonly nth: number;
  readonly waiting: readonly Waiting[];
  readonly limits: SendingLimits;
}

/** What is kept and tried at most, as `limits.ts` has it. */
export interface SendingLimits {
  readonly commandsMax: number;
  readonly commandTriesMax: number;
}

/** What happens to commands. */
export type SendingInput =
  | { readonly type: 'asked'; readonly command: SocketCommand }
  | { readonly type: 'connected' }
  | { readonly type: 'cut' }
  | { readonly type: 'answered'; readonly id: string; readonly answer: CommandDone | Refused }
  /** The nth try was not answered in time, or its pause is over. */
  | { readonly type: 'due'; readonly id: string; readonly nth: number }
  /** None will be answered any more. */
  | { readonly type: 'end'; readonly refusal: Refusal };

/** What is to be done then. */
export type SendingEffect =
  /** Send it; what comes of it is `answered`, or `due` with this `nth`. */
  | { readonly do: 'send'; readonly nth: number; readonly command: SocketCommand }
  /** Wait, the longer the more has failed; then it is `due`, with this `nth`. */
  | {
      readonly do: 'pause';
      readonly nth: number;
      readonly id: string;
      readonly failed: number;
    }
  | { readonly do: 'tell'; readonly id: string; readonly answer: CommandDone | Refused };

/** What has become of the commands, and what is to be done. */
export interface SendingStep {
  readonly state: Sending;
  readonly effects: readonly SendingEffect[];
}

/** Nothing was asked for yet. */
export const unasked = (limits: SendingLimits): Sending => ({
  isConnected: false,
  nth: 0,
  waiting: [],
  limits,
});
