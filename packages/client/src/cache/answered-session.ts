import type { SessionView } from '@playhead/contract';

const NANO_PER_DOLLAR = 1e9;

const dollars = (nano: number | null | undefined): number | null =>
  nano === null || nano === undefined ? null : nano / NANO_PER_DOLLAR;

/** A session under all names that the service's HTTP answers have for its fields. */
export const answeredSession = (session: SessionView): Readonly<Record<string, unknown>> => ({
  ...session,
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
