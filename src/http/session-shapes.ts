import type { MessageView, ParticipantView, SessionView } from '@playhead/contract';
import type { Page, PageRequest } from '../projecting/page.ts';

const NANO_PER_DOLLAR = 1e9;

const dollars = (nano: number | null | undefined): number | null =>
  nano === null || nano === undefined ? null : nano / NANO_PER_DOLLAR;

/**
 * A session over HTTP: the contract's view, and beside it the names that AgentPipe's pages read.
 * Totals are ours (`counted`); what the producer said itself is in `reported`. Costs in dollars,
 * durations in milliseconds.
 */
export const sessionShape = (
  session: SessionView,
  participants: readonly ParticipantView[] | undefined,
) => ({
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
  participants: (participants ?? []).map(participantShape),
  _count: { messages: session.counted.messages },
});

/** A participant: the view, and the names that AgentPipe's pages read. */
export const participantShape = (participant: ParticipantView) => ({
  ...participant,
  id: participant.participantId,
  agentId: participant.participantId,
  agentName: participant.name,
});

/** A message: the view, and the names that AgentPipe's pages read. */
export const messageShape = (message: MessageView) => ({
  ...message,
  id: message.messageId,
  agentId: message.participantId,
  timestamp: message.occurredAt,
  sequenceNumber: message.sequence,
  turnNumber: message.turn,
  totalTokens: message.tokens,
  cost: dollars(message.costNano),
  duration: message.durationMs,
});

/** Where a page lies in its list. With `totalIsAtLeast` the list is longer than was counted. */
export const paginationShape = (
  { page, limit }: PageRequest,
  { total, totalIsAtLeast }: Page<unknown>,
) => ({
  page,
  limit,
  total,
  totalPages: Math.ceil(total / limit),
  ...(totalIsAtLeast ? { totalIsAtLeast } : {}),
});
