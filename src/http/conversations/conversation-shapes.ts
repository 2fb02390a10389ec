import {
  dollars,
  type MessageView,
  type ParticipantView,
  type SessionStatus,
  type SessionView,
} from '@playhead/contract';
import type { FirstMessage } from '../../../projections/conversations/recent-messages.ts';

/** A status as AgentPipe's pages know it: they have no name for a session that was terminated. */
export const statusOf = (status: SessionStatus): string =>
  status === 'TERMINATED' ? 'INTERRUPTED' : status;

/** A time as JavaScript writes it, in milliseconds. */
const time = (instant: string): string => new Date(instant).toISOString();
const timeOrNull = (instant: string | null): string | null =>
  instant === null ? null : time(instant);

/** Their pages call methods on these texts, so they are never null. */
const texts = (session: SessionView) => ({
  name: session.name ?? `Conversation ${session.startedAt.slice(0, 10)}`,
  mode: session.mode ?? '',
  initialPrompt: session.prompt ?? '',
});

/** Counted by us from the messages, as everywhere; what the CLI counted itself may differ. */
const totals = ({ counted }: SessionView) => ({
  totalMessages: counted.messages,
  totalTokens: counted.tokens,
  totalCost: dollars(counted.costNano) ?? 0,
  totalDuration: counted.durationMs,
});

/** A session in AgentPipe's list of conversations. */
export const listedConversation = (
  session: SessionView,
  participants: readonly ParticipantView[] = [],
) => ({
  id: session.sessionId,
  status: statusOf(session.status),
  source: session.source,
  startedAt: time(session.startedAt),
  completedAt: timeOrNull(session.endedAt),
  summaryText: session.summary?.text ?? null,
  summaryAgentType: session.summary?.agentType ?? null,
  summaryModel: session.summary?.model ?? null,
  errorMessage: session.errorMessage,
  participants: participants.map((one) => ({ agentType: typeOf(one), agentName: nameOf(one) })),
  messageCount: session.counted.messages,
  ...texts(session),
  ...totals(session),
});

/** A session as the result of a search; the prompt is cut as theirs is. */
export const foundConversation = (
  session: SessionView,
  participants: readonly ParticipantView[] = [],
  messages: readonly FirstMessage[] = [],
) => ({
  id: session.sessionId,
  createdAt: time(session.startedAt),
  status: statusOf(session.status),
  mode: session.mode ?? '',
  initialPrompt: (session.prompt ?? '').slice(0, PROMPT_SHOWN_MAX),
  participants: participants.map((one) => ({
    agentType: typeOf(one),
    agentName: nameOf(one),
    model: one.model,
  })),
  messagePreview: messages.map(({ messageId, agentName, content, occurredAt }) => ({
    id: messageId,
    agentName: agentName ?? '',
    content,
    timestamp: time(occurredAt),
  })),
  ...totals(session),
});

const PROMPT_SHOWN_MAX = 200;

/** What a CLI says of the machine that it runs on. */
type SystemInfo = Readonly<Record<string, unknown>>;

const systemInfoOf = ({ extra }: SessionView): SystemInfo => {
  const info: unknown = extra['system_info'];
  return typeof info === 'object' && info !== null ? (info as SystemInfo) : {};
};

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** A session without its participants and messages: flat, as AgentPipe's page reads it. */
export const conversationFacts = (session: SessionView) => {
  const system = systemInfoOf(session);
  const { system_info: _, ...metadata } = session.extra;
  const { summary } = session;
  return {
    id: session.sessionId,
    status: statusOf(session.status),
    source: session.source,
    startedAt: time(session.startedAt),
    completedAt: timeOrNull(session.endedAt),
    createdAt: time(session.startedAt),
    updatedAt: time(session.lastActivityAt),
    maxTurns: session.maxTurns,
    containerId: null,
    containerStatus: null,
    errorMessage: session.errorMessage,
    errorStack: null,
    metadata,
    agentpipeVersion: textOf(system['agentpipe_version']),
    systemOS: textOf(system['os']),
    systemOSVersion: textOf(system['os_version']),
    systemGoVersion: textOf(system['go_version']),
    systemArchitecture: textOf(system['architecture'] ?? system['arch']),
    summaryText: summary?.text ?? null,
    summaryAgentType: summary?.agentType ?? null,
    summaryModel: summary?.model ?? null,
    summaryInputTokens: summary?.inputTokens ?? null,
    summaryOutputTokens: summary?.outputTokens ?? null,
    summaryTotalTokens: summary?.tokens ?? null,
    summaryCost: dollars(summary?.costNano),
    summaryDuration: summary?.durationMs ?? null,
    summaryGeneratedAt: summary ? timeOrNull(session.endedAt) : null,
    summaryData: summary,
    ...texts(session),
    ...totals(session),
  };
};

/** What a participant is, as the CLI names agents. */
const typeOf = ({ agentType, kind }: ParticipantView): string => agentType ?? kind;
const nameOf = ({ name, participantId }: ParticipantView): string => name ?? participantId;

/** A participant of a conversation. */
export const conversationParticipant = (participant: ParticipantView) => ({
  id: participant.participantId,
  agentId: participant.participantId,
  agentType: typeOf(participant),
  agentName: nameOf(participant),
  agentVersion: participant.agentVersion,
  model: participant.model,
  prompt: participant.prompt,
  announcement: textOf(participant.extra['announcement']),
  settings: participant.extra['settings'] ?? null,
  cliVersion: participant.cliVersion,
});

/** A message of a conversation. What agents say has the role `agent` where none was named. */
export const conversationMessage = (message: MessageView) => ({
  id: message.messageId,
  agentId: message.participantId ?? message.source,
  agentName: message.agentName ?? message.participantId ?? message.source,
  agentType: message.agentType ?? message.source,
  agentVersion: textOf(message.extra['agent_version']),
  content: message.content,
  role: textOf(message.extra['role']) ?? (message.role === 'assistant' ? 'agent' : message.role),
  timestamp: time(message.occurredAt),
  sequenceNumber: message.sequence,
  turnNumber: message.turn,
  duration: message.durationMs,
  inputTokens: message.inputTokens,
  outputTokens: message.outputTokens,
  totalTokens: message.tokens,
  model: message.model,
  cost: dollars(message.costNano),
});
