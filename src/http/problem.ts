import { errorCodes, refuse, type ErrorCode, type Refusal } from '@playhead/contract';

/** A refusal on its way to the client; thrown anywhere below a controller or gateway handler. */
export class Problem extends Error {
  readonly refusal: Refusal;

  constructor(
    readonly code: ErrorCode,
    message?: string,
    field?: string,
    /** After how many seconds a retry makes sense. */
    readonly retryAfterS?: number,
  ) {
    super(message ?? errorCodes[code].title);
    this.refusal = refuse(code, message, field);
  }
}
