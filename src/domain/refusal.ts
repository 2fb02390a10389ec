import type { ErrorCode } from '@playhead/contract';

/** What `decide` answers when a command must not take effect. */
export interface Refused {
  readonly refused: ErrorCode;
  readonly message: string;
}

/** A refusal for `decide` to answer. */
export const refused = (code: ErrorCode, message: string): Refused => ({ refused: code, message });
