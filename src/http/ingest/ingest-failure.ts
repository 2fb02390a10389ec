import type { ErrorCode } from '@playhead/contract';
import type { Problem } from '../problem.ts';
import { RateLimited } from './ingest-rate-limit.ts';
import { DuplicateSession } from './upload/duplicate-session.ts';

/** Whether a URL is that of ingest, with or without a slash or a query behind it. */
export const isIngest = (url: string): boolean => /^\/api\/ingest\/?(\?|$)/.test(url);

/** Whether a request uploads a session; a GET of the same path reads a session of that name. */
export const isUpload = ({ method, url = '' }: { method?: string; url?: string }): boolean =>
  method === 'POST' && /^\/api\/sessions\/upload\/?(\?|$)/.test(url);

/** Whether a request speaks as AgentPipe's programs do. */
export const isOfAgentPipe = (request: { method?: string; url?: string }): boolean =>
  isIngest(request.url ?? '') || isUpload(request);

/** A failure in the words that AgentPipe's own server used: `{ error, details }`. */
export function ingestFailure(
  problem: Problem,
  words: FailureWords = ingestWords,
): {
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
    body: {
      error: words[problem.code] ?? problem.message,
      details: detailsOf(problem),
      ...(problem instanceof DuplicateSession && { conversation_id: problem.sessionId }),
    },
  };
}

/** What is said of each code; others speak for themselves. */
type FailureWords = Readonly<Partial<Record<ErrorCode, string>>>;

const wordsWith = (invalid: string, failed: string): FailureWords => ({
  unauthenticated: 'Unauthorized',
  forbidden: 'Forbidden',
  invalid,
  internal: failed,
  unavailable: failed,
  overloaded: failed,
  'shutting-down': failed,
  conflict: failed,
});

const ingestWords = wordsWith('Invalid event format', 'Failed to process event');

/** Of an upload. */
export const uploadWords: FailureWords = {
  ...wordsWith('Invalid session format', 'Failed to upload session'),
  refused: 'Duplicate session',
};

/** The zod issues' shape: where, and what is wrong there. */
const detailsOf = (problem: Problem): unknown =>
  problem.faults.length > 0
    ? problem.faults.map(({ field, message }) => ({
        path: field === '' ? [] : field.split('.'),
        message,
      }))
    : problem.message;
