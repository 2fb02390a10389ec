import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Problem } from '../problem.ts';

const idempotencyKey = z.string().min(1).max(200).optional();

/** The `Idempotency-Key` of a request, if it has one. Throws `Problem` `invalid`. */
export function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = idempotencyKey.safeParse(headers['idempotency-key']);
  if (key.success) return key.data;
  throw new Problem('invalid', 'Idempotency-Key: 1 to 200 characters', 'Idempotency-Key');
}
