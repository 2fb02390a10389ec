/** Sums over a session's messages. All are integers or sums of integers, so order cannot matter. */
export interface Totals {
  readonly messages: number;
  readonly toolCalls: number;
  readonly tokens: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNano: number;
  readonly durationMs: number;
}

export const noTotals: Totals = {
  messages: 0,
  toolCalls: 0,
  tokens: 0,
  inputTokens: 0,
  outputTokens: 0,
  costNano: 0,
  durationMs: 0,
};

/** What one message used; fields a producer left out count as nothing. */
export type Usage = { readonly [Field in keyof Totals]?: number | undefined };

/** The totals with one message's usage and the given counts added. */
export function addUsage(
  totals: Totals,
  usage: Usage,
  counts: { messages?: number; toolCalls?: number },
): Totals {
  return {
    messages: totals.messages + (counts.messages ?? 0),
    toolCalls: totals.toolCalls + (counts.toolCalls ?? 0),
    tokens: totals.tokens + (usage.tokens ?? 0),
    inputTokens: totals.inputTokens + (usage.inputTokens ?? 0),
    outputTokens: totals.outputTokens + (usage.outputTokens ?? 0),
    costNano: totals.costNano + (usage.costNano ?? 0),
    durationMs: totals.durationMs + (usage.durationMs ?? 0),
  };
}
