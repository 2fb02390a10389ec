import {
  sessionIdOf,
  toolEntry,
  type MessageView,
  type ParticipantView,
  type TimelineEntry,
  type ToolView,
} from '@playhead/contract';
import { listMessagesAt } from '../../../projections/messages.ts';
import { pageOfParticipants } from '../../../projections/participants.ts';
import { listTimeline } from '../../../projections/timeline.ts';
import { listToolsAt } from '../../../projections/tools.ts';
import type { StateAt } from '../../live/history/fold-history.ts';
import type { SessionAt } from '../../live/history/session-at.ts';
import type { KeysetPage, PageRequest } from '../../projecting/keyset-page.ts';
import { readModelsReach, type ReadModelContext } from './min-revision.ts';

/** A page of a part of a session as it was; throws as `readModelsReach` does. */
export type ListAt<Row> = (
  context: ReadModelContext,
  moment: StateAt<SessionAt>,
  request: PageRequest,
) => Promise<KeysetPage<Row>>;

/** Waits for read models; answers the session's id. */
async function reached(
  context: ReadModelContext,
  { event }: StateAt<SessionAt>,
  ...readModels: readonly string[]
): Promise<string> {
  const sessionId = sessionIdOf(event.stream) ?? '';
  await readModelsReach(context, sessionId, event, {
    ...{ readModels, field: 'at', instead: 'its events are all there' },
  });
  return sessionId;
}

/** Messages, with what had been written of those that were open. */
export const messagesAt: ListAt<MessageView> = async (context, moment, request) => {
  const sessionId = await reached(context, moment, 'messages');
  const { revision } = moment.event;
  const open = moment.state.openMessagesInOrder;
  const { database, limits } = context;
  return listMessagesAt(database, sessionId, { revision, open }, request, limits.countExactMax);
};

/** Tool calls, with the output of those that ran. */
export const toolsAt: ListAt<ToolView> = async (context, moment, request) => {
  const sessionId = await reached(context, moment, 'tools');
  const { revision } = moment.event;
  const running = [...moment.state.runningTools.values()];
  const { database, limits } = context;
  return listToolsAt(database, sessionId, { revision, running }, request, limits.countExactMax);
};

/** Participants. All of them are folded, so no read model is asked. */
export const participantsAt: ListAt<ParticipantView> = async ({ limits }, { state }, request) =>
  pageOfParticipants(state.participants, request, limits.countExactMax);

/**
 * The last entries of a timeline that had begun at a moment and, with `before`, before that
 * revision, with what they were then.
 */
export async function timelineAt(
  context: ReadModelContext,
  moment: StateAt<SessionAt>,
  { before, limit }: { readonly before?: number | undefined; readonly limit: number },
): Promise<{ readonly entries: readonly TimelineEntry[]; readonly hasOlder: boolean }> {
  const sessionId = await reached(context, moment, 'timeline', 'messages', 'tools');
  const { state, event } = moment;
  const next = event.revision + 1;
  const { entries, hasOlder } = await listTimeline(context.database, sessionId, {
    ...{ limit, before: Math.min(before ?? next, next) },
  });
  return { entries: entries.map((entry) => entryAt(state, event.revision, entry)), hasOlder };
}

/** What an entry was: of one that was over by then, its row says it. */
function entryAt(state: SessionAt, revision: number, entry: TimelineEntry): TimelineEntry {
  if (entry.kind === 'message') {
    const { message } = entry;
    if (message.state !== 'open' && message.revision <= revision) return entry;
    return { ...entry, message: state.openMessages.get(message.messageId) ?? message };
  }
  if (entry.kind === 'tool') {
    const { tool } = entry;
    if (tool.state !== 'running' && tool.revision <= revision) return entry;
    return toolEntry(state.runningTools.get(tool.callId) ?? tool);
  }
  return entry;
}
