import { extended } from '../extended.ts';
import type { SessionView } from './session.ts';

const NANO_PER_DOLLAR = 1e9;

/** Nano-dollars as dollars. */
export const dollars = (nano: number | null | undefined): number | null =>
  nano === null || nano === undefined ? null : nano / NANO_PER_DOLLAR;

/**
 * A session as HTTP answers have it, but for its participants: the view, and beside it the names
 * that AgentPipe's pages read. Totals are ours (`counted`); what the producer said itself is in
 * `reported`. Costs in dollars, durations in milliseconds.
 */
export const answeredSession = (session: SessionView) =>
  extended(session, {
    id: session.sessionId,
    createdAt: session.startedAt,
    updatedAt: session.lastActivityAt,
    completedAt: session.endedAt,
    initialPrompt: session.prompt,
    totalMessages: session.counted.messages,
    totalTokens: session.counted.tokens,
    totalCost: dollars(session.counted.costNano),
    totalDuration: session.counted.durationMs,
    summaryShortText: session.summary?.shortText ?? null,
    summaryText: session.summary?.text ?? null,
    summaryAgentType: session.summary?.agentType ?? null,
    summaryModel: session.summary?.model ?? null,
    summaryInputTokens: session.summary?.inputTokens ?? null,
    summaryOutputTokens: session.summary?.outputTokens ?? null,
    summaryTotalTokens: session.summary?.tokens ?? null,
    summaryCost: dollars(session.summary?.costNano),
    summaryDuration: session.summary?.durationMs ?? null,
    _count: { messages: session.counted.messages },
  });
