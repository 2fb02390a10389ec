import {
  answeredSession,
  dollars,
  extended,
  messageView,
  participantView,
  sessionView,
  toolView,
  type MessageView,
  type ParticipantView,
  type SessionView,
  type ToolView,
} from '@playhead/contract';
import type { KeysetPage, PageRequest } from '../../projecting/keyset-page.ts';
import { cursorOf } from '../list-cursors.ts';
import { staleField } from './stale-since.ts';

/** A session over HTTP, with its participants. */
export const sessionShape = (
  session: SessionView,
  participants: readonly ParticipantView[] | undefined,
  stale?: string,
) =>
  Object.assign(answeredSession(session), {
    participants: (participants ?? []).map(participantShape),
    ...staleField(stale),
  });

/** What `fields` may name of a session. */
export const sessionFields: readonly (keyof ReturnType<typeof sessionShape>)[] = [
  ...sessionView.keyof().options,
  ...(['id', 'createdAt', 'updatedAt', 'completedAt', 'initialPrompt', 'totalMessages'] as const),
  ...(['totalTokens', 'totalCost', 'totalDuration', 'summaryShortText', 'summaryText'] as const),
  ...(['summaryAgentType', 'summaryModel', 'summaryInputTokens', 'summaryOutputTokens'] as const),
  ...(['summaryTotalTokens', 'summaryCost', 'summaryDuration', 'participants', '_count'] as const),
  'staleSince',
];

/** A participant: the view, and the names that AgentPipe's pages read. */
export const participantShape = (participant: ParticipantView) =>
  extended(participant, {
    id: participant.participantId,
    agentId: participant.participantId,
    agentName: participant.name,
  });

/** What `fields` may name of a participant. */
export const participantFields: readonly (keyof ReturnType<typeof participantShape>)[] = [
  ...participantView.keyof().options,
  ...(['id', 'agentId', 'agentName'] as const),
];

/** A message: the view, and the names that AgentPipe's pages read. */
export const messageShape = (message: MessageView) =>
  extended(message, {
    id: message.messageId,
    agentId: message.participantId,
    timestamp: message.occurredAt,
    sequenceNumber: message.sequence,
    turnNumber: message.turn,
    totalTokens: message.tokens,
    cost: dollars(message.costNano),
    duration: message.durationMs,
  });

/** What `fields` may name of a message. */
export const messageFields: readonly (keyof ReturnType<typeof messageShape>)[] = [
  ...messageView.keyof().options,
  ...(['id', 'agentId', 'timestamp', 'sequenceNumber', 'turnNumber'] as const),
  ...(['totalTokens', 'cost', 'duration'] as const),
];

/** A tool call: the view, and its id as everything else over HTTP has one. */
export const toolShape = (call: ToolView) => extended(call, { id: call.callId });

/** What `fields` may name of a tool call. */
export const toolFields: readonly (keyof ReturnType<typeof toolShape>)[] = [
  ...toolView.keyof().options,
  'id',
];

/**
 * Where a page lies in its list; `next` is the cursor of what follows, null at the end. With
 * `totalIsAtLeast` the list is longer than was counted.
 */
export const paginationShape = (
  { page, limit, after }: PageRequest,
  { total, totalIsAtLeast, next }: KeysetPage<unknown>,
) => ({
  ...(after ? {} : { page }),
  limit,
  total,
  totalPages: Math.ceil(total / limit),
  ...(totalIsAtLeast ? { totalIsAtLeast } : {}),
  next: next ? cursorOf(next) : null,
});
