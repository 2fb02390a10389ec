import {
  charactersOf,
  sessionStream,
  timelineEntry,
  type MessageView,
  type TimelineEntry,
} from '@playhead/contract';
import { z } from 'zod';
import { listTimeline, type TimelineRows } from '../../../projections/timeline.ts';
import type { Limits } from '../../config.ts';
import type { StateAt } from '../../live/history/fold-history.ts';
import type { SessionAt } from '../../live/history/session-at.ts';
import { Problem } from '../problem.ts';
import { REVISION_MAX, wholeNumber } from '../query-parameters.ts';
import { moment } from './at.ts';
import type { ReadModelContext } from './min-revision.ts';
import { timelineAt } from './parts-at.ts';

/** `before` is the `startedRevision` of an entry: the ones that began before it are asked for. */
export const timelineQuery = (limits: Limits) =>
  z.strictObject({
    limit: wholeNumber(1, limits.pageMax).default(limits.pageDefault),
    before: wholeNumber(0, REVISION_MAX).optional(),
    minRevision: wholeNumber(0, REVISION_MAX).optional(),
    at: moment.optional(),
  });

/** A page of a timeline, in order; `before` is the cursor of the page before it, null for none. */
export interface TimelinePage {
  readonly timeline: readonly TimelineEntry[];
  readonly pagination: { readonly limit: number; readonly before: number | null };
  /** Since when it is not kept up to date; absent when it is. */
  readonly staleSince?: string | undefined;
}

export const timelinePage = z.object({
  timeline: z.array(timelineEntry),
  pagination: z.object({ limit: z.number().int(), before: z.number().int().nullable() }),
  staleSince: z.iso.datetime().optional(),
}) satisfies z.ZodType<TimelinePage>;

/** Lays the current text over messages that are still being written. */
type WithOpenText = (messages: readonly MessageView[]) => Promise<MessageView[]>;

const RETRY_AFTER_S = 1;

/**
 * The last entries that began before a revision, as many as a page holds. Waits for read models
 * that are behind, so that nothing between two pages is missing: throws `not-yet` when they are not
 * at `before` within `minRevisionWaitMs`.
 */
export async function readTimeline(
  context: ReadModelContext,
  sessionId: string,
  { before, limit }: z.infer<ReturnType<typeof timelineQuery>>,
  withOpenText: WithOpenText,
): Promise<TimelinePage> {
  if (before !== undefined && !(await isApplied(context, sessionId, before - 1))) {
    const message = `the read models are not at revision ${before} of this session`;
    throw new Problem('not-yet', message, 'before', RETRY_AFTER_S);
  }
  const list = (): Promise<TimelineRows> =>
    listTimeline(context.database, sessionId, { before, limit });
  let found = await list();
  if (found.missing !== undefined && (await isApplied(context, sessionId, found.missing))) {
    found = await list();
  }
  const entries = await currentEntries(found.entries, withOpenText);
  return pageOfEntries({ entries, hasOlder: found.hasOlder }, limit, context.limits);
}

/** The same at a moment of the session: what had begun, as it was. Throws as `timelineAt` does. */
export async function readTimelineAt(
  context: ReadModelContext,
  at: StateAt<SessionAt>,
  asked: z.infer<ReturnType<typeof timelineQuery>>,
): Promise<TimelinePage> {
  return pageOfEntries(await timelineAt(context, at, asked), asked.limit, context.limits);
}

function pageOfEntries(
  { entries, hasOlder }: Pick<TimelineRows, 'entries' | 'hasOlder'>,
  limit: number,
  { timelinePageCharactersMax }: Limits,
): TimelinePage {
  const fitting = lastFitting(entries, timelinePageCharactersMax);
  const first = fitting[0]?.startedRevision;
  const isCut = hasOlder || fitting.length < entries.length;
  return { timeline: fitting, pagination: { limit, before: isCut ? (first ?? null) : null } };
}

/** True once the read models have applied the event at a revision, and where there is none. */
async function isApplied(
  { log, projector, limits }: ReadModelContext,
  sessionId: string,
  revision: number,
): Promise<boolean> {
  if (revision < 0) return true;
  const [event] = await log.read(sessionStream(sessionId), { after: revision - 1, limit: 1 });
  return !event || projector.waitFor(event.position, limits.minRevisionWaitMs);
}

async function currentEntries(
  entries: readonly TimelineEntry[],
  withOpenText: WithOpenText,
): Promise<TimelineEntry[]> {
  const messages = entries.flatMap((entry) => (entry.kind === 'message' ? entry.message : []));
  const current = await withOpenText(messages);
  const byId = new Map(current.map((message) => [message.messageId, message]));
  return entries.map((entry) =>
    entry.kind === 'message'
      ? { ...entry, message: byId.get(entry.message.messageId) ?? entry.message }
      : entry,
  );
}

/** The last entries that have no more characters together; at least one. */
function lastFitting(entries: readonly TimelineEntry[], charactersMax: number): TimelineEntry[] {
  let characters = 0;
  const tooFar = entries.findLastIndex((entry, at) => {
    characters += charactersOf(entry);
    return characters > charactersMax && at < entries.length - 1;
  });
  return entries.slice(tooFar + 1);
}
