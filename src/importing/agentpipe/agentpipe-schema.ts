import { count, id, instant, milliseconds } from '@playhead/contract';
import { z } from 'zod';

/*
 * What the AgentPipe CLI sends, from version 0.3.0 on. Go leaves out what is zero or empty, so
 * nearly everything is optional; unknown fields are let through and kept.
 */

// Absent and null mean the same.
export const optionalText = z.string().nullish();
export const optionalCount = count.nullish();
export const optionalDollars = z.number().nonnegative().max(1e6).nullish();
export const optionalMilliseconds = milliseconds.nullish();
const systemInfo = z.record(z.string(), z.unknown());

export const cliParticipant = z.looseObject({
  agent_id: id.nullish(),
  agent_type: z.string().min(1),
  agent_version: optionalText,
  cli_version: optionalText,
  model: optionalText,
  name: optionalText,
  prompt: optionalText,
});
/** An agent as the CLI declares it at the start. */
export type CliParticipant = z.infer<typeof cliParticipant>;

/** Participants of one conversation. */
export const PARTICIPANTS_MAX = 200;
const participants = z.array(cliParticipant).max(PARTICIPANTS_MAX).nullish();

const started = z
  .looseObject({
    conversation_id: id,
    mode: z.string(),
    initial_prompt: z.string(),
    max_turns: optionalCount,
    participants,
    /** Their name before 0.3.6. */
    agents: participants,
  })
  .refine((data) => data.participants ?? data.agents, {
    path: ['participants'],
    message: 'required, under this name or as `agents`',
  });

/** What the CLI says of one message. */
export const cliMessage = (charactersMax: number) =>
  z.looseObject({
    conversation_id: id,
    message_id: id.nullish(),
    agent_id: id.nullish(),
    agent_type: z.string().min(1),
    agent_name: optionalText,
    role: optionalText,
    content: z.string().max(charactersMax),
    sequence_number: optionalCount,
    turn_number: optionalCount,
    tokens_used: optionalCount,
    input_tokens: optionalCount,
    output_tokens: optionalCount,
    cost: optionalDollars,
    model: optionalText,
    duration_ms: optionalMilliseconds,
  });

export const cliSummary = z.looseObject({
  short_text: optionalText,
  text: optionalText,
  /** The names of the two in 0.5.1. */
  short_summary: optionalText,
  summary: optionalText,
  agent_type: optionalText,
  model: optionalText,
  input_tokens: optionalCount,
  output_tokens: optionalCount,
  total_tokens: optionalCount,
  cost: optionalDollars,
  duration_ms: optionalMilliseconds,
});
/** The CLI's own summary of a conversation. */
export type CliSummary = z.infer<typeof cliSummary>;

const completed = z.looseObject({
  conversation_id: id,
  status: z.enum(['completed', 'interrupted', 'error']),
  total_messages: optionalCount,
  total_turns: optionalCount,
  total_tokens: optionalCount,
  total_cost: optionalDollars,
  duration_seconds: z.number().nonnegative().max(1e10).nullish(),
  summary: cliSummary.nullish(),
});

const failed = z.looseObject({
  conversation_id: id,
  error_message: z.string(),
  error_type: optionalText,
  agent_type: optionalText,
});

const event = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  z.object({ type: z.literal(type), timestamp: instant, data });

/** One event of the CLI. `charactersMax` bounds a message's content. */
export const cliEvent = (charactersMax: number) =>
  z.discriminatedUnion('type', [
    event('conversation.started', started),
    event('message.created', cliMessage(charactersMax)),
    event('conversation.completed', completed),
    event('conversation.error', failed),
    event('bridge.connected', z.looseObject({ system_info: systemInfo, connected_at: instant })),
    event(
      'bridge.test',
      z.looseObject({ message: optionalText, system_info: systemInfo.nullish() }),
    ),
  ]);
export type CliEvent = z.infer<ReturnType<typeof cliEvent>>;
/** The data of one type of event. */
export type CliData<Type extends CliEvent['type']> = Extract<CliEvent, { type: Type }>['data'];
