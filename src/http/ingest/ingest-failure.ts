import type { ErrorCode } from '@playhead/contract';
import type { Problem } from '../problem.ts';
import { RateLimited } from './ingest-rate-limit.ts';

/** Whether a URL is that of ingest, with or without a slash or a query behind it. */
export const isIngest = (url: string): boolean => /^\/api\/ingest\/?(\?|$)/.test(url);

/** A failure in the words that AgentPipe's own server used: `{ error, details }`. */
export function ingestFailure(problem: Problem): {
  headers: Record<string, string>;
  body: Record<string, unknown>;
} {
  if (problem instanceof RateLimited) {
    return {
      headers: {
        'x-ratelimit-limit': String(problem.limit),
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': new Date(Date.now() + problem.resetInMs).toISOString(),
      },
      body: { error: 'Rate limit exceeded', retryAfter: problem.retryAfterS },
    };
  }
  return {
    headers: {},
    body: { error: words[problem.code] ?? problem.message, details: detailsOf(problem) },
  };
}

const FAILED = 'Failed to process event';

const words: Partial<Record<ErrorCode, string>> = {
  unauthenticated: 'Unauthorized',
  forbidden: 'Forbidden',
  invalid: 'Invalid event format',
  internal: FAILED,
  unavailable: FAILED,
  overloaded: FAILED,
  'shutting-down': FAILED,
  conflict: FAILED,
};

/** The zod issues' shape: where, and what is wrong there. */
const detailsOf = (problem: Problem): unknown =>
  problem.faults.length > 0
    ? problem.faults.map(({ field, message }) => ({
        path: field === '' ? [] : field.split('.'),
        message,
      }))
    : problem.message;
