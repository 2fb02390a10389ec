import type { ErrorCode, Refusal } from '@playhead/contract';

/** Something was refused: with the code, whether it may succeed later, and the field at fault. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code: ErrorCode;
  readonly retry: boolean;
  readonly field: string | undefined;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.code = refusal.code;
    this.retry = refusal.retry;
    this.field = refusal.field;
  }
}
