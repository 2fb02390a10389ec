import type { SessionEventType } from '../events/index.ts';
import { asKnown } from '../events/known.ts';
import type { SessionEvent } from '../envelope.ts';
import { evolveMessage, messageIdOf, type MessageView } from './message.ts';
import { endOf, evolveTool, toolCallIdOf, type ToolView } from './tool.ts';

/** Entries that a view's timeline holds: the last ones. Older ones are paged over HTTP. */
export const VIEW_TIMELINE_MAX = 100;

/** Characters that these hold together, in UTF-16 units; the last entry is held in any case. */
export const VIEW_TIMELINE_CHARACTERS_MAX = 256 * 1024;

/** Characters of a tool's output that an entry holds: the last ones, in UTF-16 units. */
export const TIMELINE_OUTPUT_MAX = 16_000;

/** Messages that `openBefore` names at most: the ones that began last. */
export const TIMELINE_OPEN_BEFORE_MAX = 1_000;

/** An event as an entry holds it: without its position, as no view holds one. */
export type TimelineEvent = Omit<SessionEvent, 'position'>;

/**
 * One thing that happened in a session: a message, a tool call, or an event that has no duration.
 * `startedRevision` is the revision at which it began. It never changes, is unique in the session,
 * and orders the timeline. The output of a tool call is its last `TIMELINE_OUTPUT_MAX` characters;
 * `outputLength` counts all of them.
 */
export type TimelineEntry =
  | { readonly kind: 'message'; readonly startedRevision: number; readonly message: MessageView }
  | { readonly kind: 'tool'; readonly startedRevision: number; readonly tool: ToolView }
  | { readonly kind: 'event'; readonly startedRevision: number; readonly event: TimelineEvent };

/** What happened in a session, in the order in which each entry began. */
export interface Timeline {
  readonly entries: readonly TimelineEntry[];
  /**
   * The `startedRevision` of the first entry when there are older ones: the cursor with which they
   * are asked for. Null when the first entry is the session's first.
   */
  readonly before: number | null;
  /** Ids of messages that are still being written and began before the first entry. */
  readonly openBefore: readonly string[];
}

/** The timeline of a session without events. */
export const emptyTimeline: Timeline = { entries: [], before: null, openBefore: [] };

/** Events that are an entry by themselves. Messages and tool calls have entries of their own. */
export const timelineEventTypes: readonly SessionEventType[] = [
  'session.started',
  'session.ready',
  'session.renamed',
  'session.state-changed',
  'session.provider-changed',
  'session.idled',
  'session.resumed',
  'session.cancel-requested',
  'session.error-raised',
  'session.ended',
  'participant.joined',
  'participant.left',
];

const eventTypes = new Set<string>(timelineEventTypes);

/** Which entry of its session: `id` is that of the message, of the call, or the revision. */
export interface TimelineKey {
  readonly kind: TimelineEntry['kind'];
  readonly id: string;
}

/**
 * The entry that an event begins, unless the entry has begun already; `undefined` for an event that
 * begins none. A message may begin with its completion, if nothing was said of it before.
 */
export function entryBegunBy(event: SessionEvent): TimelineKey | undefined {
  const known = asKnown(event);
  if (
    known?.type === 'message.posted' ||
    known?.type === 'message.started' ||
    known?.type === 'message.completed'
  ) {
    return { kind: 'message', id: known.data.messageId };
  }
  if (known?.type === 'tool.called') return { kind: 'tool', id: known.data.callId };
  return known && eventTypes.has(known.type)
    ? { kind: 'event', id: String(known.revision) }
    : undefined;
}

/** The timeline after one more event. Old timelines are never changed, entries are shared. */
export function evolveTimeline(timeline: Timeline, event: SessionEvent): Timeline {
  const messageId = messageIdOf(event);
  if (messageId !== undefined) return evolveMessages(timeline, event, messageId);
  const callId = toolCallIdOf(event);
  if (callId !== undefined) return evolveTools(timeline, event, callId);
  if (entryBegunBy(event) === undefined) return timeline;
  return withNew(timeline, eventEntry(event));
}

function evolveMessages(timeline: Timeline, event: SessionEvent, messageId: string): Timeline {
  const { entries, openBefore } = timeline;
  if (openBefore.includes(messageId)) {
    const hasEnded = event.type === 'message.completed' || event.type === 'message.failed';
    if (!hasEnded) return timeline;
    return { ...timeline, openBefore: openBefore.filter((one) => one !== messageId) };
  }
  const at = entries.findLastIndex(
    (entry) => entry.kind === 'message' && entry.message.messageId === messageId,
  );
  const held = entries[at];
  const before = held?.kind === 'message' ? held.message : undefined;
  const message = evolveMessage(before, event);
  if (!message || message === before) return timeline;
  if (!held) {
    return withNew(timeline, { kind: 'message', startedRevision: event.revision, message });
  }
  const { startedRevision } = held;
  return bounded({
    ...timeline,
    entries: entries.with(at, { kind: 'message', startedRevision, message }),
  });
}

function evolveTools(timeline: Timeline, event: SessionEvent, callId: string): Timeline {
  const { entries } = timeline;
  const at = entries.findLastIndex(
    (entry) => entry.kind === 'tool' && entry.tool.callId === callId,
  );
  const held = entries[at];
  const before = held?.kind === 'tool' ? held.tool : undefined;
  const after = evolveTool(before, event);
  if (!after || after === before) return timeline;
  const entry = toolEntry(after);
  return held
    ? bounded({ ...timeline, entries: entries.with(at, entry) })
    : withNew(timeline, entry);
}

/** A tool call as an entry, its output cut to what an entry holds. */
export const toolEntry = (call: ToolView): Extract<TimelineEntry, { kind: 'tool' }> => ({
  kind: 'tool',
  startedRevision: call.calledRevision,
  tool: { ...call, output: endOf(call.output, TIMELINE_OUTPUT_MAX) },
});

/** An event as an entry. */
export function eventEntry(event: SessionEvent): Extract<TimelineEntry, { kind: 'event' }> {
  const { position: _, ...shown } = event;
  return { kind: 'event', startedRevision: event.revision, event: shown };
}

const withNew = (timeline: Timeline, entry: TimelineEntry): Timeline =>
  bounded({ ...timeline, entries: [...timeline.entries, entry] });

/** Without the oldest entries, as far as there are too many or they are too long. */
function bounded(timeline: Timeline): Timeline {
  const { entries } = timeline;
  const start = entries.length - fittingCount(entries);
  const [first] = entries.slice(start);
  if (start === 0 || !first) return timeline;
  const opened = entries
    .slice(0, start)
    .flatMap((entry) =>
      entry.kind === 'message' && entry.message.state === 'open' ? [entry.message.messageId] : [],
    );
  return {
    entries: entries.slice(start),
    before: first.startedRevision,
    openBefore: [...timeline.openBefore, ...opened].slice(-TIMELINE_OPEN_BEFORE_MAX),
  };
}

/** How many of the last entries a view holds; at least one. */
function fittingCount(entries: readonly TimelineEntry[]): number {
  let characters = 0;
  for (let count = 0; count < entries.length; count += 1) {
    const entry = entries.at(-1 - count);
    characters += entry ? charactersOf(entry) : 0;
    const isFull = count >= VIEW_TIMELINE_MAX || characters > VIEW_TIMELINE_CHARACTERS_MAX;
    if (isFull && count > 0) return count;
  }
  return entries.length;
}

/** Roughly how long an entry is as JSON, in UTF-16 units: its long parts. */
export function charactersOf(entry: TimelineEntry): number {
  switch (entry.kind) {
    case 'message':
      return lengthOfMessage(entry.message);
    case 'tool': {
      const { output, input, error, attachments, extra } = entry.tool;
      const texts = output.length + lengthOf(input) + (error?.length ?? 0);
      return texts + lengthOf(extra) + lengthOfList(attachments);
    }
    case 'event':
      return lengthOf(entry.event.data);
  }
}

const lengthOfMessage = (message: MessageView): number =>
  message.content.length +
  aheadOf(message) +
  lengthOf(message.extra) +
  lengthOfList(message.attachments);

const lengthOfList = (list: readonly object[]): number => (list.length > 0 ? lengthOf(list) : 0);

const aheadOf = ({ ahead }: MessageView): number =>
  ahead.reduce((sum, { text }) => sum + text.length, 0);

const lengths = new WeakMap<object, number>();

/** Of a value as JSON. It is the same for a value whenever it is asked, so it is kept. */
function lengthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'string' ? value.length : 0;
  }
  const kept = lengths.get(value);
  if (kept !== undefined) return kept;
  const length = JSON.stringify(value).length;
  lengths.set(value, length);
  return length;
}
