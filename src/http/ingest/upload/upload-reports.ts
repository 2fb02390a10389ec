import { comparableInstant } from '@playhead/contract';
import type { ReportSession } from '../../../commands/command-handler.ts';
import {
  defined,
  endOf,
  extra,
  isSaid,
  messageOf,
  startOf,
} from '../../../importing/agentpipe/reported-commands.ts';
import { idOfText } from '../../../importing/imported-entry.ts';
import type { ConversationUpload } from './conversation-upload.ts';

type Reports = ReportSession['reports'];
type Message = ConversationUpload['messages'][number];
type Conversation = ConversationUpload['conversation'];

const SOURCE = 'cli-upload' as const;

const ends = { COMPLETED: 'completed', INTERRUPTED: 'interrupted', ERROR: 'error' } as const;

/** What an upload reports, each at its own time. `replaced` of its characters no store can hold. */
export function uploadReports(
  upload: ConversationUpload,
  sessionId: string,
  replaced: number,
): Reports {
  const { conversation, messages } = upload;
  const { report, meta } = startReport(upload, sessionId);
  return [
    // It is not known in which part they were.
    { report, meta: { ...meta, ...(replaced > 0 && { replaced }) } },
    ...messages.map((message, index) => messageReport(message, index, sessionId)),
    ...endReports(conversation, messages, sessionId),
  ];
}

function startReport(upload: ConversationUpload, sessionId: string) {
  const { conversation, agents, messages, ...others } = upload;
  const { name, mode, initial_prompt, max_turns, started_at, id, ...more } = conversation;
  const { status, completed_at, error_message, summary, ...rest } = more;
  const { total_messages, total_turns, total_tokens, total_cost, total_duration, ...unknown } =
    rest;
  const totals = { total_messages, total_turns, total_tokens, total_cost, total_duration };
  const ending = defined({ completed_at, error_message, summary, ...totals });
  const participants = agents.map(({ agent_name, ...agent }) => ({ ...agent, name: agent_name }));
  const { start, ...declared } = startOf({
    ...{ conversation_id: sessionId, mode, initial_prompt, max_turns, participants },
  });
  // Of a session that goes on no end says how it ends.
  const kept = { ...others, ...unknown, ...(status === 'ACTIVE' && ending) };
  return {
    report: {
      type: 'report-start',
      source: SOURCE,
      start: { ...start, name, ...extra(kept) },
      ...declared,
    },
    meta: { occurredAt: started_at },
  } satisfies Reports[number];
}

function messageReport({ id, timestamp, ...data }: Message, index: number, sessionId: string) {
  const message_id = data.message_id ?? id ?? idOfText(JSON.stringify([sessionId, index]));
  const sequence_number = data.sequence_number ?? index + 1;
  // Only one of two ids can be the message's; the other is kept.
  const other = isSaid(id) && id !== message_id ? { id } : {};
  const known = { conversation_id: sessionId, message_id, sequence_number };
  return {
    report: {
      type: 'report-message',
      source: SOURCE,
      ...messageOf({ ...data, ...other, ...known }, ''),
    },
    meta: { occurredAt: timestamp },
  } satisfies Reports[number];
}

function endReports(
  conversation: Conversation,
  messages: readonly Message[],
  sessionId: string,
): Reports {
  const { status, started_at, completed_at, error_message, total_duration } = conversation;
  if (status === 'ACTIVE') return [];
  const { total_messages, total_turns, total_tokens, total_cost, summary } = conversation;
  const end = endOf({
    ...{ conversation_id: sessionId, status: ends[status], summary },
    ...{ total_messages, total_turns, total_tokens, total_cost },
  });
  // The CLI says seconds at the end; an upload says milliseconds, which need no conversion.
  const reported = { ...end.reported, ...defined({ durationMs: total_duration }) };
  const occurredAt = completed_at ?? latest(started_at, messages);
  const error = isSaid(error_message) ? [{ message: error_message }] : [];
  return [
    ...error.map((error) => ({ type: 'report-error' as const, source: SOURCE, error })),
    {
      type: 'report-end' as const,
      source: SOURCE,
      end: { ...end, ...(Object.keys(reported).length > 0 && { reported }) },
    },
  ].map((report) => ({ report, meta: { occurredAt } }));
}

/** When the last thing happened that has a time. */
const latest = (startedAt: string, messages: readonly Message[]): string =>
  messages.reduce(
    (last, { timestamp }) =>
      comparableInstant(timestamp) > comparableInstant(last) ? timestamp : last,
    startedAt,
  );
