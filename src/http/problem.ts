import type { z } from 'zod';
import { errorCodes, refuse, type ErrorCode, type Refusal } from '@playhead/contract';

/** One thing wrong with a request. */
export interface Fault {
  /** The field, as a dotted path; empty for the whole. */
  readonly field: string;
  readonly message: string;
}

/** A refusal on its way to the client; thrown anywhere below a controller or gateway handler. */
export class Problem extends Error {
  readonly refusal: Refusal;
  /** Everything that was found wrong, when more than one field may be. */
  faults: readonly Fault[] = [];

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

  /** The refusal of a value that a zod schema did not take. */
  static ofIssues(issues: readonly z.core.$ZodIssue[]): Problem {
    const faults = issues.map(({ path, message }) => ({ field: path.join('.'), message }));
    const [first] = faults;
    const problem = new Problem(
      'invalid',
      first && `${first.field || 'body'}: ${first.message}`,
      first?.field,
    );
    problem.faults = faults;
    return problem;
  }
}
