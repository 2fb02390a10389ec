import type { ImportedUsage } from './imported-entry.ts';
import { rowOf, type Row } from './import-format.ts';
import { tokensIn } from './row-fields.ts';

/** What a part of `all` leaves of it; `all` itself where the part is not said or is more. */
export const without = (
  all: number | undefined,
  ...parts: readonly (number | undefined)[]
): number | undefined => {
  if (all === undefined) return undefined;
  const left = parts.reduce<number>((sum, part) => sum - (part ?? 0), all);
  return left >= 0 ? left : all;
};

/**
 * Tokens as APIs of language models report them. OpenAI counts what was read from a cache within
 * the input, Anthropic beside it; both count reasoning within the output.
 */
export function usageIn(usage: Row): ImportedUsage {
  const details = rowOf(usage.prompt_tokens_details) ?? rowOf(usage.input_tokens_details) ?? {};
  const made = rowOf(usage.completion_tokens_details) ?? rowOf(usage.output_tokens_details) ?? {};
  const cached = tokensIn(details.cached_tokens);
  return {
    input: without(tokensIn(usage.prompt_tokens) ?? tokensIn(usage.input_tokens), cached),
    output: tokensIn(usage.completion_tokens) ?? tokensIn(usage.output_tokens),
    cacheRead: cached ?? tokensIn(usage.cache_read_input_tokens),
    cacheWrite: tokensIn(usage.cache_creation_input_tokens),
    reasoning: tokensIn(made.reasoning_tokens),
  };
}
