import { id, instant } from '@playhead/contract';
import { z } from 'zod';
import type { Limits } from '../../../config.ts';
import {
  cliMessage,
  cliParticipant,
  cliSummary,
  optionalCount,
  optionalDollars,
  optionalMilliseconds,
  optionalText,
  PARTICIPANTS_MAX,
} from '../../../importing/agentpipe/agentpipe-schema.ts';

/** Bounds of one upload. */
export type UploadLimits = Pick<
  Limits,
  'messageCharactersMax' | 'uploadMessagesMax' | 'uploadFaultsMax'
>;

/** What an uploaded session may be: no producer of uploads knows others. */
export const uploadStatus = z.enum(['ACTIVE', 'COMPLETED', 'INTERRUPTED', 'ERROR']);

const conversation = z.looseObject({
  id: id.nullish(),
  name: z.string(),
  mode: z.string(),
  initial_prompt: z.string(),
  max_turns: optionalCount,
  started_at: instant,
  completed_at: instant.nullish(),
  status: uploadStatus,
  error_message: optionalText,
  total_messages: optionalCount,
  total_turns: optionalCount,
  total_tokens: optionalCount,
  total_cost: optionalDollars,
  total_duration: optionalMilliseconds,
  summary: cliSummary.nullish(),
});

/** Agents have a name here that is called as their messages call it. */
const agent = cliParticipant.omit({ name: true }).extend({ agent_name: z.string() });

const message = (charactersMax: number) =>
  cliMessage(charactersMax)
    .omit({ conversation_id: true })
    .extend({ id: id.nullish(), agent_name: z.string(), timestamp: instant });

/** A whole session in the words of the CLI's events: `{ conversation, agents, messages }`. */
export const conversationUpload = ({ messageCharactersMax, uploadMessagesMax }: UploadLimits) =>
  z.looseObject({
    conversation,
    agents: z.array(agent).max(PARTICIPANTS_MAX),
    messages: z.array(message(messageCharactersMax)).max(uploadMessagesMax),
  });
export type ConversationUpload = z.infer<ReturnType<typeof conversationUpload>>;
