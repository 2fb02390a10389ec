import {
  asKnown,
  type EventData,
  type KnownSessionEvent,
  type SessionEvent,
  type Summary,
} from '@playhead/contract';

/** An event as AgentPipe's own server streams it: the CLI's data under the CLI's names. */
export interface AgentPipeEvent {
  readonly type: string;
  /** When it happened, as far as its producer says; ISO 8601 in milliseconds. */
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

type Joined = EventData<'participant.joined'>;

/** Event types that there is a shape for; no other is streamed. */
export const hasAgentPipeShape = ({
  type,
  data,
}: {
  readonly type: string;
  readonly data: unknown;
}) => SHAPED.has(type) && !(data as { inferred?: true }).inferred;

const SHAPED: ReadonlySet<string> = new Set([
  ...['session.started', 'message.posted', 'message.completed', 'session.error-raised'],
  ...['session.ended', 'bridge.connected', 'bridge.tested'],
]);

/** A session's event in AgentPipe's shape; `participants` are those declared with a start. */
export function shapeOfEvent(
  event: SessionEvent,
  participants: readonly Joined[],
): AgentPipeEvent | undefined {
  const known = asKnown(event);
  const shaped = known && dataOf(known, participants);
  if (!shaped) return undefined;
  const [type, data] = shaped;
  return peerEvent(type, event.meta, { conversation_id: event.sessionId, ...data });
}

/** An event of a bridge, which belongs to no conversation. */
export function shapeOfBridge(
  event: Pick<SessionEvent, 'type' | 'data' | 'meta'>,
): AgentPipeEvent | undefined {
  if (event.type === 'bridge.connected') {
    const { systemInfo, connectedAt, extra } = event.data as EventData<'bridge.connected'>;
    const data = { system_info: systemInfo, connected_at: connectedAt, ...extra };
    return peerEvent('bridge.connected', event.meta, data);
  }
  const { message, systemInfo, extra } = event.data as EventData<'bridge.tested'>;
  return peerEvent('bridge.test', event.meta, { message, system_info: systemInfo, ...extra });
}

const peerEvent = (
  type: string,
  { at, occurredAt }: SessionEvent['meta'],
  data: AgentPipeEvent['data'],
): AgentPipeEvent => ({ type, timestamp: new Date(occurredAt ?? at).toISOString(), data });

type Shaped = readonly [type: string, data: Readonly<Record<string, unknown>>];

function dataOf(event: KnownSessionEvent, participants: readonly Joined[]): Shaped | undefined {
  const { type, data } = event;
  if (type === 'session.started') return ['conversation.started', startOf(data, participants)];
  if (type === 'message.posted' || type === 'message.completed') {
    return ['message.created', messageOf(data)];
  }
  if (type === 'session.error-raised') return ['conversation.error', errorOf(data)];
  return type === 'session.ended' ? ['conversation.completed', endOf(data)] : undefined;
}

const startOf = (data: EventData<'session.started'>, participants: readonly Joined[]) => ({
  mode: data.mode ?? '',
  initial_prompt: data.prompt ?? '',
  max_turns: data.maxTurns,
  participants: participants.map((one) => ({
    agent_id: one.participantId,
    agent_type: one.agentType ?? one.kind,
    agent_version: one.agentVersion,
    model: one.model,
    name: one.name,
    prompt: one.prompt,
    cli_version: one.cliVersion,
    ...one.extra,
  })),
  ...data.extra,
});

const messageOf = (data: EventData<'message.posted'>) => ({
  message_id: data.messageId,
  agent_id: data.participantId,
  agent_type: data.agentType ?? data.source,
  agent_name: data.agentName,
  // The CLI names no role, and means its agents.
  role: data.role === 'assistant' ? undefined : data.role,
  content: data.content,
  sequence_number: data.sequence,
  turn_number: data.turn,
  tokens_used: data.tokens,
  input_tokens: data.usage?.input,
  output_tokens: data.usage?.output,
  cost: dollars(data.costNano),
  model: data.model,
  duration_ms: data.durationMs,
  ...data.extra,
});

const errorOf = ({ message, kind, agentType, extra }: EventData<'session.error-raised'>) => ({
  error_message: message,
  error_type: kind,
  agent_type: agentType,
  ...extra,
});

const endOf = ({ as, reported, summary, extra }: EventData<'session.ended'>) => ({
  status: as === 'terminated' ? 'interrupted' : as,
  total_messages: reported?.messages,
  total_turns: reported?.turns,
  total_tokens: reported?.tokens,
  total_cost: dollars(reported?.costNano),
  duration_seconds: reported?.durationMs === undefined ? undefined : reported.durationMs / 1_000,
  summary: summary && summaryOf(summary),
  ...extra,
});

const summaryOf = (summary: Summary) => ({
  short_text: summary.shortText,
  text: summary.text,
  agent_type: summary.agentType,
  model: summary.model,
  input_tokens: summary.inputTokens,
  output_tokens: summary.outputTokens,
  total_tokens: summary.tokens,
  cost: dollars(summary.costNano),
  duration_ms: summary.durationMs,
  ...summary.extra,
});

const dollars = (nano: number | undefined): number | undefined =>
  nano === undefined ? undefined : nano / 1e9;
