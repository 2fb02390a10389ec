import * as z from 'zod';
import { count } from './common.ts';

/**
 * Tokens of one message by what they were used for, as far as its producer says: a field that is
 * absent is unknown, not zero. `cacheRead` and `cacheWrite` are of the prompt, `reasoning` of the
 * answer; whether `input` and `output` include them is the producer's matter.
 */
export const tokenUsage = z
  .strictObject({
    input: count.optional(),
    output: count.optional(),
    cacheRead: count.optional(),
    cacheWrite: count.optional(),
    reasoning: count.optional(),
  })
  .refine((usage) => Object.values(usage).some((tokens) => tokens !== undefined), {
    error: 'must name at least one count',
  });
export type TokenUsage = z.infer<typeof tokenUsage>;
