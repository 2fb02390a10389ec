import type { KnownSessionEvent } from '../events/index.ts';
import { asKnown } from '../events/known.ts';
import type { SessionEvent } from '../envelope.ts';
import type {
  Activity,
  EndKind,
  ReportedTotals,
  SessionSource,
  Summary,
} from '../events/session.ts';
import { happenedAt } from '../instants.ts';
import { statusOf, type SessionStatus } from '../status.ts';
import { addUsage, noTotals, type Totals } from './totals.ts';

/**
 * A session without its messages and participants. Times are UTC with nine fraction digits and
 * compare as strings; they say when things happened (see `happenedAt`), so the same facts give the
 * same view in whatever order they arrive. Only `revision` and `at` (when the service received the
 * last event) depend on that order, and times that had to be replaced by the time of reception.
 */
export interface SessionView {
  readonly sessionId: string;
  readonly revision: number;
  readonly at: string;
  readonly status: SessionStatus;
  readonly activity: Activity | null;
  readonly activityMessage: string | null;
  /** Idle for want of activity; can be resumed. */
  readonly idle: boolean;
  /** False while only a message or an end named the session, never its start. */
  readonly declared: boolean;
  readonly source: SessionSource;
  readonly name: string | null;
  readonly mode: string | null;
  readonly prompt: string | null;
  readonly model: string | null;
  readonly provider: string | null;
  readonly worker: string | null;
  readonly maxTurns: number | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly owner: string | null;
  readonly members: readonly string[];
  readonly startedAt: string;
  readonly lastActivityAt: string;
  readonly endedAt: string | null;
  readonly endedAs: EndKind | null;
  readonly errorAt: string | null;
  readonly errorMessage: string | null;
  readonly errorKind: string | null;
  /** Summed by us from the messages. */
  readonly counted: Totals;
  /** As the producer said at the end; may count what it never sent. */
  readonly reported: ReportedTotals | null;
  readonly summary: Summary | null;
  readonly extra: Readonly<Record<string, unknown>>;
}

const unknownSession = (event: SessionEvent, happened: string): SessionView => ({
  sessionId: event.sessionId,
  revision: event.revision,
  at: event.meta.at,
  status: 'ACTIVE',
  activity: null,
  activityMessage: null,
  idle: false,
  declared: false,
  source: 'api',
  name: null,
  mode: null,
  prompt: null,
  model: null,
  provider: null,
  worker: null,
  maxTurns: null,
  labels: {},
  owner: null,
  members: [],
  startedAt: happened,
  lastActivityAt: happened,
  endedAt: null,
  endedAs: null,
  errorAt: null,
  errorMessage: null,
  errorKind: null,
  counted: noTotals,
  reported: null,
  summary: null,
  extra: {},
});

/** The view after one more event; an event this build does not know moves only the revision. */
export function evolveSession(view: SessionView | undefined, event: SessionEvent): SessionView {
  const happened = happenedAt(event.meta);
  const before = view ?? unknownSession(event, happened);
  const next: SessionView = {
    ...before,
    revision: event.revision,
    at: event.meta.at,
    startedAt: before.declared || before.startedAt < happened ? before.startedAt : happened,
    lastActivityAt: before.lastActivityAt > happened ? before.lastActivityAt : happened,
  };
  const known = asKnown(event);
  if (!known) return next;
  // Into the view that was just made: a copy of all its fields costs as much as all else here.
  Object.assign(next, changes(next, known, happened));
  return Object.assign(next, { status: statusOf(next) });
}

function changes(
  view: SessionView,
  event: KnownSessionEvent,
  happened: string,
): Partial<SessionView> {
  switch (event.type) {
    case 'session.started':
      return started(view, event.data, happened);
    case 'session.renamed':
      return { name: event.data.name };
    case 'session.state-changed':
      return { activity: event.data.state, activityMessage: event.data.message ?? null };
    case 'session.provider-changed':
      return { provider: event.data.provider, model: event.data.model ?? view.model };
    case 'session.labelled':
      return { labels: relabelled(view.labels, event.data.labels) };
    case 'session.idled':
      return { idle: true };
    case 'session.resumed':
      return { idle: false };
    case 'session.error-raised': {
      const { message, kind } = event.data;
      const isLater = `${happened} ${message}` > `${view.errorAt ?? ''} ${view.errorMessage ?? ''}`;
      return isLater ? { errorAt: happened, errorMessage: message, errorKind: kind ?? null } : {};
    }
    case 'session.ended':
      return ended(view, event.data, happened);
    case 'session.owner-set':
      return { owner: event.data.owner };
    case 'session.member-added':
      return { members: [...new Set([...view.members, event.data.member])].sort() };
    case 'session.member-removed':
      return { members: view.members.filter((member) => member !== event.data.member) };
    case 'message.posted':
      return { counted: addUsage(view.counted, event.data, { messages: 1 }) };
    case 'message.started':
      return { counted: addUsage(view.counted, {}, { messages: 1 }) };
    case 'message.completed':
      return { counted: addUsage(view.counted, event.data, {}) };
    case 'tool.called':
      return { counted: addUsage(view.counted, {}, { toolCalls: 1 }) };
    case 'session.ready':
    case 'session.cancel-requested':
    case 'session.noted':
    case 'participant.joined':
    case 'participant.left':
    case 'message.chunked':
    case 'message.failed':
    case 'tool.output':
    case 'tool.finished':
      return {};
  }
}

type Started = Extract<KnownSessionEvent, { type: 'session.started' }>['data'];
type Ended = Extract<KnownSessionEvent, { type: 'session.ended' }>['data'];

/**
 * Of two declared starts the earlier one's values stand and the other fills what it left open; an
 * inferred start only ever says where the session came from.
 */
function started(view: SessionView, data: Started, happened: string): Partial<SessionView> {
  if (data.inferred) return view.declared ? {} : { source: data.source };
  const isFirst = !view.declared || happened < view.startedAt;
  const pick = <T>(held: T | null, given: T | undefined): T | null =>
    isFirst ? (given ?? held) : (held ?? given ?? null);
  return {
    declared: true,
    startedAt: isFirst ? happened : view.startedAt,
    source: isFirst ? data.source : view.source,
    name: pick(view.name, data.name),
    mode: pick(view.mode, data.mode),
    prompt: pick(view.prompt, data.prompt),
    model: pick(view.model, data.model),
    worker: pick(view.worker, data.worker),
    maxTurns: pick(view.maxTurns, data.maxTurns),
    labels: isFirst ? { ...view.labels, ...data.labels } : { ...data.labels, ...view.labels },
    extra: isFirst ? { ...view.extra, ...data.extra } : { ...data.extra, ...view.extra },
  };
}

/** Of several ends the one that happened last stands. */
function ended(view: SessionView, data: Ended, happened: string): Partial<SessionView> {
  if (`${happened} ${data.as}` < `${view.endedAt ?? ''} ${view.endedAs ?? ''}`) return {};
  return {
    endedAt: happened,
    endedAs: data.as,
    activity: view.activity === 'working' ? 'idle' : view.activity,
    idle: false,
    reported: data.reported ?? null,
    summary: data.summary ?? null,
  };
}

function relabelled(
  labels: SessionView['labels'],
  changed: Readonly<Record<string, string | null>>,
): SessionView['labels'] {
  const all = Object.entries({ ...labels, ...changed });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null));
}
