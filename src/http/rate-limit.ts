import type { FastifyReply } from 'fastify';
import type { RateLimit } from '../access/rate-limit.ts';
import type { Principal } from '../access/principal.ts';
import { Problem } from './problem.ts';

/**
 * Counts a request of a principal and tells in headers how many are left. Throws the refusal
 * `rate-limited` when none is.
 */
export async function countRequest(
  allowance: RateLimit,
  principal: Principal,
  reply: FastifyReply,
): Promise<void> {
  const { allowed, limit, remaining, resetS } = await allowance.consume(principal.id);
  void reply.headers({
    'ratelimit-limit': limit,
    'ratelimit-remaining': remaining,
    'ratelimit-reset': resetS,
  });
  if (allowed) return;
  void reply.headers({
    'x-ratelimit-limit': limit,
    'x-ratelimit-remaining': 0,
    'x-ratelimit-reset': new Date(Date.now() + resetS * 1000).toISOString(),
  });
  throw new Problem('rate-limited', `more than ${limit} a minute`, undefined, resetS);
}
