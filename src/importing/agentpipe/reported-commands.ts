import { id, type Summary, type TokenUsage } from '@playhead/contract';
import type {
  DeclaredParticipant,
  ReportedCommand,
  ReportedSource,
} from '../../commands/command-handler.ts';
import { idOfText } from '../imported-entry.ts';
import type { CliData, CliEvent, CliParticipant, CliSummary } from './agentpipe-schema.ts';

/** Events of the CLI that belong to a conversation. */
export type ConversationEvent = Exclude<CliEvent, { type: `bridge.${string}` }>;

/** The command that an event of the CLI reports; `body` is the text it came as. */
export function reported(
  event: ConversationEvent,
  body: string,
  source: ReportedSource = 'cli-stream',
): ReportedCommand {
  switch (event.type) {
    case 'conversation.started':
      return { type: 'report-start', source, ...startOf(event.data) };
    case 'message.created':
      return { type: 'report-message', source, ...messageOf(event.data, body) };
    case 'conversation.error':
      return { type: 'report-error', source, error: error(event.data) };
    case 'conversation.completed':
      return { type: 'report-end', source, end: endOf(event.data) };
  }
}

/** A message's own id, or one derived from its body for the old versions that sent none. */
export const messageId = (data: CliData<'message.created'>, body: string): string =>
  data.message_id ?? idOfText(body);

/** A start with its participants. */
export function startOf(data: CliData<'conversation.started'>) {
  const { conversation_id, mode, initial_prompt, max_turns, participants, agents, ...rest } = data;
  return {
    start: { mode, prompt: initial_prompt, ...defined({ maxTurns: max_turns }), ...extra(rest) },
    participants: distinct((participants ?? agents ?? []).map(participant)),
  };
}

function participant(data: CliParticipant): DeclaredParticipant {
  const { agent_id, agent_type, agent_version, cli_version, model, name, prompt, ...rest } = data;
  return {
    participantId: participantId(agent_id, agent_type, name),
    kind: 'agent',
    agentType: agent_type,
    ...defined({ name, agentVersion: agent_version, cliVersion: cli_version, model, prompt }),
    ...extra(rest),
  };
}

/** Before 0.4.1 agents had no id; type and name tell two of one type apart. */
function participantId(agentId: Maybe<string>, type: string, name: Maybe<string>) {
  if (isSaid(agentId)) return agentId;
  const derived = isSaid(name) ? `${type}:${name}` : type;
  return id.safeParse(derived).success ? derived : idOfText(derived);
}

/** Nothing tells two agents without id and name apart; they still are two. */
function distinct(participants: DeclaredParticipant[]): DeclaredParticipant[] {
  const counts = new Map<string, number>();
  return participants.map((one) => {
    const nth = (counts.get(one.participantId) ?? 0) + 1;
    counts.set(one.participantId, nth);
    return nth === 1 ? one : { ...one, participantId: idOfText(`${one.participantId} ${nth}`) };
  });
}

/** A message and who wrote it; `body` is the text that a message without an id came as. */
export function messageOf(data: CliData<'message.created'>, body: string) {
  const {
    conversation_id,
    message_id,
    agent_id,
    agent_type,
    agent_name,
    role,
    content,
    cost,
    duration_ms,
    ...others
  } = data;
  const { sequence_number, turn_number, tokens_used, input_tokens, output_tokens, model, ...rest } =
    others;
  const author = participantId(agent_id, agent_type, agent_name);
  return {
    message: {
      messageId: messageId(data, body),
      ...speaker(role),
      participantId: author,
      agentType: agent_type,
      content,
      ...defined({
        agentName: agent_name,
        model,
        sequence: sequence_number,
        turn: turn_number,
        tokens: tokens_used,
        usage: usageOf(input_tokens, output_tokens),
        costNano: nano(cost),
        durationMs: isSaid(duration_ms) ? Math.round(duration_ms) : undefined,
      }),
      ...extra({ ...(isSaid(role) && role !== 'agent' && { role }), ...rest }),
    },
    author: {
      participantId: author,
      kind: 'agent' as const,
      agentType: agent_type,
      ...defined({ name: agent_name }),
    },
  };
}

/** Tokens as far as they were said. */
function usageOf(input: Maybe<number>, output: Maybe<number>): TokenUsage | undefined {
  const said = defined({ input, output });
  return Object.keys(said).length > 0 ? said : undefined;
}

/** The CLI sends no role; programs that send one name these. */
function speaker(role: Maybe<string>) {
  if (role === 'user') return { role: 'user', source: 'user' } as const;
  if (role === 'system') return { role: 'system', source: 'system' } as const;
  return { role: 'assistant', source: 'agent' } as const;
}

function error(data: CliData<'conversation.error'>) {
  const { conversation_id, error_message, error_type, agent_type, ...rest } = data;
  return {
    message: error_message,
    ...defined({ kind: error_type, agentType: agent_type }),
    ...extra(rest),
  };
}

/** An end with what the producer counted. */
export function endOf(data: CliData<'conversation.completed'>) {
  const {
    conversation_id,
    status,
    total_messages,
    total_turns,
    total_tokens,
    total_cost,
    duration_seconds,
    summary,
    ...rest
  } = data;
  const reportedTotals = defined({
    messages: total_messages,
    turns: total_turns,
    tokens: total_tokens,
    costNano: nano(total_cost),
    durationMs: isSaid(duration_seconds) ? duration_seconds * 1000 : undefined,
  });
  return {
    as: status,
    ...(Object.keys(reportedTotals).length > 0 ? { reported: reportedTotals } : {}),
    ...(summary ? { summary: summaryOf(summary) } : {}),
    ...extra(rest),
  };
}

function summaryOf(data: CliSummary): Summary {
  const {
    short_text,
    text,
    short_summary,
    summary,
    agent_type,
    model,
    input_tokens,
    output_tokens,
    total_tokens,
    cost,
    duration_ms,
    ...rest
  } = data;
  return {
    ...defined({
      shortText: short_text ?? short_summary,
      text: text ?? summary,
      agentType: agent_type,
      model,
      inputTokens: input_tokens,
      outputTokens: output_tokens,
      tokens: total_tokens,
      costNano: nano(cost),
      durationMs: duration_ms,
    }),
    ...extra(rest),
  };
}

/** Go leaves out what is zero or empty; others say null. */
type Maybe<Value> = Value | null | undefined;

/** Whether a field was sent with a value. */
export const isSaid = <Value>(value: Maybe<Value>): value is Value =>
  value !== undefined && value !== null;

const nano = (dollars: Maybe<number>): number | undefined =>
  isSaid(dollars) ? Math.round(dollars * 1e9) : undefined;

/** Only the fields that were said, so that events hold nothing else. */
export function defined<Fields extends Record<string, unknown>>(fields: Fields) {
  const said: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) if (isSaid(value)) said[name] = value;
  return said as { [Key in keyof Fields]?: NonNullable<Fields[Key]> };
}

/** What is left of what was sent, to be kept as it came. */
export const extra = (rest: Record<string, unknown>): { extra?: Record<string, unknown> } =>
  Object.keys(rest).length > 0 ? { extra: rest } : {};
