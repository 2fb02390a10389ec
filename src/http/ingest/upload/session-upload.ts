import { id, instant } from '@playhead/contract';
import { z } from 'zod';
import {
  optionalCount,
  optionalDollars,
  optionalMilliseconds,
  optionalText,
  PARTICIPANTS_MAX,
} from '../../../importing/agentpipe/agentpipe-schema.ts';
import { extra } from '../../../importing/agentpipe/reported-commands.ts';
import { uploadStatus, type ConversationUpload, type UploadLimits } from './conversation-upload.ts';

const session = z.looseObject({
  id: id.nullish(),
  name: z.string(),
  mode: z.string(),
  initialPrompt: z.string(),
  maxTurns: optionalCount,
  startedAt: instant,
  completedAt: instant.nullish(),
  status: uploadStatus,
  errorMessage: optionalText,
  totalMessages: optionalCount,
  totalTurns: optionalCount,
  totalTokens: optionalCount,
  totalCost: optionalDollars,
  totalDuration: optionalMilliseconds,
  metadata: z.looseObject({ originalId: id.nullish() }).nullish(),
});

const participant = z.looseObject({
  agentId: id.nullish(),
  agentType: z.string().min(1),
  agentName: z.string(),
  agentVersion: optionalText,
  cliVersion: optionalText,
  model: optionalText,
  prompt: optionalText,
});

const metrics = z.looseObject({
  duration: optionalMilliseconds,
  inputTokens: optionalCount,
  outputTokens: optionalCount,
  totalTokens: optionalCount,
  cost: optionalDollars,
  model: optionalText,
});

const noMetrics: z.infer<typeof metrics> = {};

const message = (charactersMax: number) =>
  z.looseObject({
    id: id.nullish(),
    messageId: id.nullish(),
    agentId: id.nullish(),
    agentType: z.string().min(1),
    agentName: z.string(),
    role: optionalText,
    content: z.string().max(charactersMax),
    timestamp: instant,
    sequenceNumber: optionalCount,
    turnNumber: optionalCount,
    metrics: metrics.nullish(),
  });

/** A whole session as AgentPipe's pages describe it: `{ session, participants, messages }`. */
export const sessionUpload = ({ messageCharactersMax, uploadMessagesMax }: UploadLimits) =>
  z.looseObject({
    session,
    participants: z.array(participant).max(PARTICIPANTS_MAX),
    messages: z.array(message(messageCharactersMax)).max(uploadMessagesMax),
  });
export type SessionUpload = z.infer<ReturnType<typeof sessionUpload>>;

/** The same session in the words of the CLI. */
export function asConversation(upload: SessionUpload): ConversationUpload {
  const { session, participants, messages, ...beside } = upload;
  const { initialPrompt, maxTurns, startedAt, completedAt, errorMessage, ...more } = session;
  const { totalMessages, totalTurns, totalTokens, totalCost, totalDuration, ...others } = more;
  const { summary, ...rest } = others;
  return {
    ...beside,
    // This shape says nothing of summaries: one that is there is kept as it came.
    ...(summary !== undefined && { summary }),
    conversation: {
      // First, as below: nothing unchecked passes for what was checked under another name.
      ...rest,
      id: session.id ?? session.metadata?.originalId,
      initial_prompt: initialPrompt,
      max_turns: maxTurns,
      started_at: startedAt,
      completed_at: completedAt,
      error_message: errorMessage,
      total_messages: totalMessages,
      total_turns: totalTurns,
      total_tokens: totalTokens,
      total_cost: totalCost,
      total_duration: totalDuration,
      summary: undefined,
    },
    agents: participants.map(asAgent),
    messages: messages.map(asMessage),
  };
}

function asAgent(participant: SessionUpload['participants'][number]) {
  const { agentId, agentType, agentName, agentVersion, cliVersion, ...rest } = participant;
  return {
    ...rest,
    agent_id: agentId,
    agent_type: agentType,
    agent_name: agentName,
    agent_version: agentVersion,
    cli_version: cliVersion,
  };
}

function asMessage(message: SessionUpload['messages'][number]) {
  const { messageId, agentId, agentType, agentName, metrics, ...others } = message;
  const { sequenceNumber, turnNumber, ...rest } = others;
  const { duration, inputTokens, outputTokens, totalTokens, cost, model, ...unknown } =
    metrics ?? noMetrics;
  const { extra: unknownMetrics } = extra(unknown);
  return {
    ...rest,
    ...(unknownMetrics && { metrics: unknownMetrics }),
    message_id: messageId,
    agent_id: agentId,
    agent_type: agentType,
    agent_name: agentName,
    sequence_number: sequenceNumber,
    turn_number: turnNumber,
    duration_ms: duration,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    tokens_used: totalTokens,
    cost,
    model,
  };
}
