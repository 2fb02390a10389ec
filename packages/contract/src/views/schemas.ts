import * as z from 'zod';
import { sessionEvent } from '../envelope.ts';
import { attachment } from '../events/attachment.ts';
import { messageRole, messageSource } from '../events/message.ts';
import { participantKind } from '../events/participant.ts';
import { activity, endKind, reportedTotals, sessionSource, summary } from '../events/session.ts';
import { sessionStatuses } from '../status.ts';
import type { MessageView } from './message.ts';
import type { OpenView } from './open-view.ts';
import type { ParticipantView } from './participant.ts';
import type { SessionView } from './session.ts';
import type { Timeline, TimelineEntry } from './timeline.ts';
import type { ToolView } from './tool.ts';

/*
 * The views as schemas: for documents, and for clients that check what they receive. That they say
 * the same as the types is checked by the compiler.
 */

const text = z.string().nullable();
const number = z.number().nullable();
const instant = z.string();
const extra = z.record(z.string(), z.unknown());
/** The last event about it: its revision and when the service received it. */
const lastEvent = { revision: z.number().int(), at: instant };

const usage = z.object({
  input: number,
  output: number,
  cacheRead: number,
  cacheWrite: number,
  reasoning: number,
});
const attachments = z.array(attachment);

const totals = z.object({
  messages: z.number(),
  toolCalls: z.number(),
  tokens: z.number(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  usage,
  costNano: z.number(),
  durationMs: z.number(),
});

export const sessionView = z.object({
  sessionId: z.string(),
  ...lastEvent,
  status: z.enum(sessionStatuses),
  activity: activity.nullable(),
  activityMessage: text,
  idle: z.boolean(),
  declared: z.boolean(),
  source: sessionSource,
  name: text,
  mode: text,
  prompt: text,
  model: text,
  provider: text,
  worker: text,
  maxTurns: number,
  labels: z.record(z.string(), z.string()),
  owner: text,
  members: z.array(z.string()),
  startedAt: instant,
  lastActivityAt: instant,
  endedAt: instant.nullable(),
  endedAs: endKind.nullable(),
  errorAt: instant.nullable(),
  errorMessage: text,
  errorKind: text,
  counted: totals,
  reported: reportedTotals.nullable(),
  summary: summary.nullable(),
  extra,
}) satisfies z.ZodType<SessionView>;

export const participantView = z.object({
  sessionId: z.string(),
  participantId: z.string(),
  ...lastEvent,
  kind: participantKind,
  declared: z.boolean(),
  index: number,
  name: text,
  agentType: text,
  agentVersion: text,
  cliVersion: text,
  model: text,
  prompt: text,
  joinedAt: instant.nullable(),
  leftAt: instant.nullable(),
  extra,
}) satisfies z.ZodType<ParticipantView>;

export const messageView = z.object({
  sessionId: z.string(),
  messageId: z.string(),
  ...lastEvent,
  state: z.enum(['open', 'complete', 'failed']),
  role: messageRole,
  source: messageSource,
  participantId: text,
  agentType: text,
  agentName: text,
  model: text,
  content: z.string(),
  chunks: z.number().int(),
  ahead: z.array(z.object({ from: z.number(), to: z.number(), text: z.string() })),
  sequence: number,
  turn: number,
  tokens: number,
  inputTokens: number,
  outputTokens: number,
  usage,
  costNano: number,
  durationMs: number,
  attachments,
  occurredAt: instant,
  error: text,
  extra,
}) satisfies z.ZodType<MessageView>;

export const toolView = z.object({
  sessionId: z.string(),
  callId: z.string(),
  ...lastEvent,
  state: z.enum(['running', 'finished', 'failed']),
  tool: z.string(),
  input: z.unknown(),
  messageId: text,
  participantId: text,
  output: z.string(),
  outputLength: z.number().int(),
  attachments,
  exitCode: number,
  error: text,
  durationMs: number,
  calledRevision: z.number().int(),
  calledAt: instant,
  finishedAt: instant.nullable(),
  extra,
}) satisfies z.ZodType<ToolView>;

const startedRevision = z.number().int().nonnegative();

export const timelineEntry = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('message'), startedRevision, message: messageView }),
  z.object({ kind: z.literal('tool'), startedRevision, tool: toolView }),
  z.object({
    kind: z.literal('event'),
    startedRevision,
    event: sessionEvent.omit({ position: true }),
  }),
]) satisfies z.ZodType<TimelineEntry>;

export const timeline = z.object({
  entries: z.array(timelineEntry),
  before: startedRevision.nullable(),
  openBefore: z.array(z.string()),
}) satisfies z.ZodType<Timeline>;

export const openView = z.object({
  session: sessionView,
  participants: z.array(participantView),
  messages: z.array(messageView),
  timeline,
}) satisfies z.ZodType<OpenView>;
