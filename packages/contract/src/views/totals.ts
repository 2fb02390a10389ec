import type { TokenUsage } from '../events/token-usage.ts';

/** Tokens by what they were used for; null: nobody has said. */
export interface TokenCounts {
  readonly input: number | null;
  readonly output: number | null;
  readonly cacheRead: number | null;
  readonly cacheWrite: number | null;
  readonly reasoning: number | null;
}

export const unknownTokens: TokenCounts = {
  input: null,
  output: null,
  cacheRead: null,
  cacheWrite: null,
  reasoning: null,
};

/** A producer's counts, with null for each that is absent. */
export const tokenCounts = (usage: TokenUsage | undefined): TokenCounts =>
  usage === undefined
    ? unknownTokens
    : {
        input: usage.input ?? null,
        output: usage.output ?? null,
        cacheRead: usage.cacheRead ?? null,
        cacheWrite: usage.cacheWrite ?? null,
        reasoning: usage.reasoning ?? null,
      };

/**
 * Sums over a session's messages. All are integers or sums of integers, so order cannot matter.
 * `usage` is null in a field as long as no message has said it; `inputTokens` and `outputTokens`
 * are 0 then.
 */
export interface Totals {
  readonly messages: number;
  readonly toolCalls: number;
  readonly tokens: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly usage: TokenCounts;
  readonly costNano: number;
  readonly durationMs: number;
}

export const noTotals: Totals = {
  messages: 0,
  toolCalls: 0,
  tokens: 0,
  inputTokens: 0,
  outputTokens: 0,
  usage: unknownTokens,
  costNano: 0,
  durationMs: 0,
};

/** What one message used; fields a producer left out count as nothing. */
export interface Usage {
  readonly tokens?: number | undefined;
  readonly usage?: TokenUsage | undefined;
  readonly costNano?: number | undefined;
  readonly durationMs?: number | undefined;
}

/** The totals with one message's usage and the given counts added. */
export function addUsage(
  totals: Totals,
  { tokens, usage, costNano, durationMs }: Usage,
  counts: { messages?: number; toolCalls?: number },
): Totals {
  return {
    messages: totals.messages + (counts.messages ?? 0),
    toolCalls: totals.toolCalls + (counts.toolCalls ?? 0),
    tokens: totals.tokens + (tokens ?? 0),
    inputTokens: totals.inputTokens + (usage?.input ?? 0),
    outputTokens: totals.outputTokens + (usage?.output ?? 0),
    usage: usage === undefined ? totals.usage : addTokens(totals.usage, usage),
    costNano: totals.costNano + (costNano ?? 0),
    durationMs: totals.durationMs + (durationMs ?? 0),
  };
}

const addTokens = (counts: TokenCounts, usage: TokenUsage): TokenCounts => ({
  input: sum(counts.input, usage.input),
  output: sum(counts.output, usage.output),
  cacheRead: sum(counts.cacheRead, usage.cacheRead),
  cacheWrite: sum(counts.cacheWrite, usage.cacheWrite),
  reasoning: sum(counts.reasoning, usage.reasoning),
});

const sum = (before: number | null, said: number | undefined): number | null =>
  said === undefined ? before : (before ?? 0) + said;
