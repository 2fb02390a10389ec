import { HttpException } from '@nestjs/common';
import type { z } from 'zod';
import { errorCodes, refuse, type ErrorCode, type Refusal } from '@playhead/contract';
import { CommandRefused } from '../commands/command-handler.ts';
import { LogError } from '../log/event-log.ts';
import { isUnreachable } from '../projecting/database-unreachable.ts';

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
    const named = new Set<string>();
    const faults = issues
      .map(({ path, message }) => ({ field: path.join('.'), message }))
      // What else is wrong with a field says nothing once it must be written again anyway.
      .filter(({ field }) => !named.has(field) && named.add(field));
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

const codeOfStatus: Partial<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  413: 'too-large',
  415: 'unsupported-media-type',
  429: 'rate-limited',
  503: 'unavailable',
};

/** Whatever was thrown, as the refusal that the client gets. */
export function problemOf(failure: unknown): Problem {
  if (failure instanceof Problem) return failure;
  if (failure instanceof CommandRefused) {
    return new Problem(failure.code, failure.message, failure.field);
  }
  if (failure instanceof LogError) {
    return new Problem(failure.code, failure.message, failure.field);
  }
  if (isUnreachable(failure)) return new Problem('unavailable');
  const status = statusOf(failure);
  if (status === undefined || status >= 500) return new Problem('internal');
  return new Problem(codeOfStatus[status] ?? 'invalid', (failure as Error).message);
}

/** The status that Nest and Fastify put on what they throw themselves. */
function statusOf(failure: unknown): number | undefined {
  if (failure instanceof HttpException) return failure.getStatus();
  const { statusCode } = (failure ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
}
