import { dollars } from '@playhead/contract';
import { z } from 'zod';
import type { ReportSession } from '../../../commands/command-handler.ts';
import { parseJson } from '../../json-body.ts';
import { idOfText } from '../../../importing/imported-entry.ts';
import {
  conversationUpload,
  type ConversationUpload,
  type UploadLimits,
} from './conversation-upload.ts';
import { asConversation, sessionUpload } from './session-upload.ts';
import { faultsBetween, refusalFor, refuseTooMany, type UploadShape } from './upload-faults.ts';
import { uploadReports } from './upload-reports.ts';

/** A session as an upload brings it, whichever shape it came in. */
export interface UploadedSession {
  readonly sessionId: string;
  readonly command: ReportSession;
  /** What its producer gets, in the words of the shape. */
  readonly answer: Readonly<Record<string, unknown>>;
}

/** What an upload's body may be. */
export const uploadBody = (limits: UploadLimits) =>
  z.union([conversationUpload(limits), sessionUpload(limits)]);

const conversationShape: UploadShape = {
  participants: 'agents',
  messageId: ['message_id', 'id'],
};
const sessionShape: UploadShape = {
  participants: 'participants',
  messageId: ['messageId', 'id'],
  declaredAgentId: 'agentId',
};

/** Reads an upload. Throws `Problem` that names each field at fault. */
export function readUpload(body: string, limits: UploadLimits): UploadedSession {
  const { value, replaced } = parseJson(body);
  const isSession = has(value, 'session') && !has(value, 'conversation');
  const upload = isSession
    ? asConversation(checked(value, sessionUpload(limits), sessionShape, limits))
    : checked(value, conversationUpload(limits), conversationShape, limits);
  // Without an id of its own it is known by its text, so that a retry does not double it.
  const sessionId = upload.conversation.id ?? idOfText(body);
  const reports = uploadReports(upload, sessionId, replaced);
  return {
    sessionId,
    command: { type: 'report-session', reports },
    answer: isSession
      ? sessionAnswer(sessionId, upload, reports)
      : conversationAnswer(sessionId, upload),
  };
}

function checked<Schema extends z.ZodType>(
  value: unknown,
  schema: Schema,
  shape: UploadShape,
  limits: UploadLimits,
): z.infer<Schema> {
  refuseTooMany(value, shape, limits);
  const read = schema.safeParse(value);
  const issues = [...(read.error?.issues ?? []), ...faultsBetween(value, shape)];
  if (!read.success || issues.length > 0) throw refusalFor(issues, limits);
  return read.data;
}

const has = (value: unknown, key: string): boolean =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key);

const conversationAnswer = (sessionId: string, { messages, agents }: ConversationUpload) => ({
  conversation_id: sessionId,
  message_count: messages.length,
  agent_count: agents.length,
});

function sessionAnswer(
  sessionId: string,
  { conversation, messages, agents }: ConversationUpload,
  reports: ReportSession['reports'],
) {
  let tokens = 0;
  let costNano = 0;
  for (const { report } of reports) {
    if (report.type !== 'report-message') continue;
    tokens += report.message.tokens ?? 0;
    costNano += report.message.costNano ?? 0;
  }
  return {
    success: true,
    conversationId: sessionId,
    messagesCreated: messages.length,
    participantsCreated: agents.length,
    totalTokens: conversation.total_tokens ?? tokens,
    totalCost: conversation.total_cost ?? dollars(costNano),
  };
}
