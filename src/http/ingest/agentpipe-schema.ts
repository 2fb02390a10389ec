import { count, id, instant, milliseconds } from '@playhead/contract';
import { z } from 'zod';

/*
 * What the AgentPipe CLI sends, from version 0.3.0 on. Go leaves out what is zero or empty, so
 * nearly everything is optional; unknown fields are let through and kept.
 */

// Absent and null mean the same.
const text = z.string().nullish();
const number = count.nullish();
const dollars = z.number().nonnegative().max(1e6).nullish();
const systemInfo = z.record(z.string(), z.unknown());

const participant = z.looseObject({
  agent_id: id.nullish(),
  agent_type: z.string().min(1),
  agent_version: text,
  cli_version: text,
  model: text,
  name: text,
  prompt: text,
});
/** An agent as the CLI declares it at the start. */
export type CliParticipant = z.infer<typeof participant>;

/** Participants of one conversation. */
const PARTICIPANTS_MAX = 200;
const participants = z.array(participant).max(PARTICIPANTS_MAX).nullish();

const started = z
  .looseObject({
    conversation_id: id,
    mode: z.string(),
    initial_prompt: z.string(),
    max_turns: number,
    participants,
    /** Their name before 0.3.6. */
    agents: participants,
  })
  .refine((data) => data.participants ?? data.agents, {
    path: ['participants'],
    message: 'required, under this name or as `agents`',
  });

const message = (charactersMax: number) =>
  z.looseObject({
    conversation_id: id,
    message_id: id.nullish(),
    agent_id: id.nullish(),
    agent_type: z.string().min(1),
    agent_name: text,
    role: text,
    content: z.string().max(charactersMax),
    sequence_number: number,
    turn_number: number,
    tokens_used: number,
    input_tokens: number,
    output_tokens: number,
    cost: dollars,
    model: text,
    duration_ms: milliseconds.nullish(),
  });

const summary = z.looseObject({
  short_text: text,
  text,
  /** The names of the two in 0.5.1. */
  short_summary: text,
  summary: text,
  agent_type: text,
  model: text,
  input_tokens: number,
  output_tokens: number,
  total_tokens: number,
  cost: dollars,
  duration_ms: milliseconds.nullish(),
});
/** The CLI's own summary of a conversation. */
export type CliSummary = z.infer<typeof summary>;

const completed = z.looseObject({
  conversation_id: id,
  status: z.enum(['completed', 'interrupted', 'error']),
  total_messages: number,
  total_turns: number,
  total_tokens: number,
  total_cost: dollars,
  duration_seconds: z.number().nonnegative().max(1e10).nullish(),
  summary: summary.nullish(),
});

const failed = z.looseObject({
  conversation_id: id,
  error_message: z.string(),
  error_type: text,
  agent_type: text,
});

const event = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  z.object({ type: z.literal(type), timestamp: instant, data });

/** One event of the CLI. `charactersMax` bounds a message's content. */
export const cliEvent = (charactersMax: number) =>
  z.discriminatedUnion('type', [
    event('conversation.started', started),
    event('message.created', message(charactersMax)),
    event('conversation.completed', completed),
    event('conversation.error', failed),
    event('bridge.connected', z.looseObject({ system_info: systemInfo, connected_at: instant })),
    event('bridge.test', z.looseObject({ message: text, system_info: systemInfo.nullish() })),
  ]);
export type CliEvent = z.infer<ReturnType<typeof cliEvent>>;
/** The data of one type of event. */
export type CliData<Type extends CliEvent['type']> = Extract<CliEvent, { type: Type }>['data'];
