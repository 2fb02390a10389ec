import {
  eventTypes,
  evolveMessage,
  evolveOpenView,
  evolveTool,
  messageIdOf,
  timelineEventTypes,
  TIMELINE_OUTPUT_MAX,
  toolCallIdOf,
  VIEW_TIMELINE_CHARACTERS_MAX,
  VIEW_TIMELINE_MAX,
  type EventType,
  type MessageView,
  type OpenView,
  type SessionEvent,
  type Timeline,
  type TimelineEntry,
  type TimelineEvent,
  type ToolView,
} from '@playhead/contract';
import fc from 'fast-check';

const event = (revision: number, type: string, data: object): SessionEvent => ({
  ...{ id: crypto.randomUUID(), sessionId: 's', revision, position: String(revision) },
  ...{ type, v: type in eventTypes ? eventTypes[type as EventType].v : 1, data },
  meta: { at: '2026-01-01T00:00:00.000Z', actor: 'key:test', commandId: 'c' },
});

const author = { role: 'assistant', source: 'agent' };

/** One step of a session; `on` chooses among what has begun already. */
const step = fc.record({
  what: fc.constantFrom(
    ...['posted', 'started', 'started', 'chunked', 'chunked', 'completed', 'failed'],
    ...['called', 'output', 'output', 'finished', 'error', 'state', 'joined', 'labelled', 'odd'],
  ),
  on: fc.nat(),
  /** Now and then so long that a few of them fill a view. */
  length: fc.oneof(
    { weight: 12, arbitrary: fc.nat(20) },
    { weight: 1, arbitrary: fc.integer({ min: 20_000, max: 90_000 }) },
  ),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** The events of a session in which these steps were taken. */
function eventsOf(steps: readonly Step[]): SessionEvent[] {
  const messages: string[] = [];
  const calls: string[] = [];
  const chunks = new Map<string, number>();
  // Among the last four, so that some of the older ones never end.
  const pick = (all: string[], on: number): string => all.slice(-4)[on % 4] ?? 'none';
  const begin = (all: string[], revision: number): string => {
    all.push(`${revision}`);
    return `${revision}`;
  };
  const end = (all: string[], id: string): string | undefined =>
    all.includes(id) ? all.splice(all.indexOf(id), 1)[0] : undefined;
  return steps.map(({ what, on, length }, revision) => {
    const text = 'é'.repeat(length);
    const messageId = pick(messages, on);
    const callId = pick(calls, on);
    const started = { ...author, messageId: `${revision}` };
    switch (what) {
      case 'posted':
        return event(revision, 'message.posted', { ...started, content: text });
      case 'started':
        return event(revision, 'message.started', {
          ...author,
          messageId: begin(messages, revision),
        });
      case 'chunked': {
        const index = chunks.get(messageId) ?? 0;
        chunks.set(messageId, index + 1);
        return event(revision, 'message.chunked', { messageId, from: index, to: index, text });
      }
      case 'completed': {
        const ended = end(messages, messageId) ?? `${revision}`;
        return event(revision, 'message.completed', { ...author, messageId: ended, content: text });
      }
      case 'failed':
        end(messages, messageId);
        return event(revision, 'message.failed', { messageId, error: 'no', content: text });
      case 'called':
        return event(revision, 'tool.called', { callId: begin(calls, revision), tool: 'sh' });
      case 'output':
        return event(revision, 'tool.output', { callId, text });
      case 'finished':
        return event(revision, 'tool.finished', { callId, outcome: 'finished' });
      case 'error':
        return event(revision, 'session.error-raised', { message: text });
      case 'state':
        return event(revision, 'session.state-changed', { state: 'working' });
      case 'joined':
        return event(revision, 'participant.joined', {
          participantId: `${revision}`,
          kind: 'agent',
        });
      case 'labelled':
        return event(revision, 'session.labelled', { labels: {} });
      default:
        return event(revision, 'session.teleported', { to: text });
    }
  });
}

/** All entries of a session, made in another way: thing by thing, without bounds. */
function entriesOf(events: readonly SessionEvent[]): TimelineEntry[] {
  const messageIds = new Set(events.flatMap((one) => messageIdOf(one) ?? []));
  const callIds = new Set(events.flatMap((one) => toolCallIdOf(one) ?? []));
  const messages = [...messageIds].flatMap((id): TimelineEntry[] => {
    const about = events.filter((one) => messageIdOf(one) === id);
    const message = about.reduce<MessageView | undefined>(evolveMessage, undefined);
    const begun = about.find((one) => evolveMessage(undefined, one) !== undefined);
    return message && begun ? [{ kind: 'message', startedRevision: begun.revision, message }] : [];
  });
  const tools = [...callIds].flatMap((id): TimelineEntry[] => {
    const about = events.filter((one) => toolCallIdOf(one) === id);
    const tool = about.reduce<ToolView | undefined>(evolveTool, undefined);
    const output = tool?.output.slice(-TIMELINE_OUTPUT_MAX) ?? '';
    return tool
      ? [{ kind: 'tool', startedRevision: tool.calledRevision, tool: { ...tool, output } }]
      : [];
  });
  const others = events.flatMap((one): TimelineEntry[] =>
    (timelineEventTypes as readonly string[]).includes(one.type)
      ? [{ kind: 'event', startedRevision: one.revision, event: withoutPosition(one) }]
      : [],
  );
  return [...messages, ...tools, ...others].sort((a, b) => a.startedRevision - b.startedRevision);
}

const withoutPosition = (one: SessionEvent) =>
  Object.fromEntries(Object.entries(one).filter(([name]) => name !== 'position')) as TimelineEvent;

const fold = (events: readonly SessionEvent[], from?: OpenView): OpenView | undefined =>
  events.reduce<OpenView | undefined>(evolveOpenView, from);

const timelineOf = (...events: SessionEvent[]): Timeline | undefined => fold(events)?.timeline;

const steps = (minLength: number, maxLength: number) =>
  fc.array(step, { minLength, maxLength, size: 'max' });

describe('the timeline of a view', () => {
  it('is the end of what there is, in the order in which each entry began', () => {
    const seen = { full: 0, cut: 0, openBefore: 0 };
    fc.assert(
      fc.property(steps(1, 300), fc.boolean(), (taken, isShort) => {
        const events = eventsOf(isShort ? taken.map((one) => ({ ...one, length: 5 })) : taken);
        const all = entriesOf(events);
        const { entries, before, openBefore } = timelineOf(...events) as Timeline;
        expect(entries).toEqual(all.slice(all.length - entries.length));
        const isWhole = entries.length === all.length;
        expect(before).toBe(isWhole ? null : entries[0]?.startedRevision);
        expect(entries.length).toBeLessThanOrEqual(VIEW_TIMELINE_MAX);
        const bytes = JSON.stringify(entries.map(textOf)).length;
        if (entries.length > 1) expect(bytes).toBeLessThan(VIEW_TIMELINE_CHARACTERS_MAX + 2_000);
        const open = all
          .slice(0, all.length - entries.length)
          .flatMap((one) => (one.kind === 'message' ? one.message : []))
          .filter(({ state }) => state === 'open');
        expect([...openBefore].sort()).toEqual(open.map(({ messageId }) => messageId).sort());
        if (entries.length === VIEW_TIMELINE_MAX) seen.full += 1;
        if (!isWhole && entries.length < VIEW_TIMELINE_MAX) seen.cut += 1;
        if (openBefore.length > 0) seen.openBefore += 1;
      }),
      { numRuns: 60 },
    );
    // Otherwise the bounds were not tried.
    for (const [bound, count] of Object.entries(seen))
      expect([bound, count > 0]).toEqual([bound, true]);
  });

  it('is the same, from whichever view and revision on it is folded', () => {
    fc.assert(
      fc.property(steps(2, 200), fc.nat(), (taken, at) => {
        const events = eventsOf(taken);
        const opened = 1 + (at % (events.length - 1));
        const view = fold(events.slice(0, opened));
        const received = JSON.parse(JSON.stringify(view)) as OpenView;
        const later = JSON.parse(JSON.stringify(events.slice(opened))) as SessionEvent[];
        expect(fold(later, received)).toEqual(fold(events));
      }),
      { numRuns: 60 },
    );
  });

  it('shows question, text, tool call and further text as each began, whatever ends when', () => {
    const steps = [
      event(0, 'message.posted', { ...author, messageId: 'question', content: '?' }),
      event(1, 'message.started', { ...author, messageId: 'text' }),
      event(2, 'tool.called', { callId: 'call', tool: 'sh' }),
      event(3, 'message.started', { ...author, messageId: 'further' }),
      event(4, 'tool.output', { callId: 'call', text: 'so far' }),
      event(5, 'message.chunked', { messageId: 'further', from: 0, to: 0, text: 'and' }),
      event(6, 'message.completed', { ...author, messageId: 'text', content: 'I look' }),
    ];
    const entries = timelineOf(...steps)?.entries ?? [];
    expect(entries.map((entry) => [entry.startedRevision, textOf(entry)])).toEqual([
      ...([
        [0, '?'],
        [1, 'I look'],
        [2, 'so far'],
        [3, 'and'],
      ] as const),
    ]);
    expect(entries.map((entry) => 'message' in entry && entry.message.revision)).toEqual([
      ...[0, 6, false, 5],
    ]);
  });

  it('keeps the end of what a tool puts out, and how much it was', () => {
    const call = event(0, 'tool.called', { callId: 'c', tool: 'sh' });
    const output = (revision: number) =>
      event(revision, 'tool.output', { callId: 'c', text: `${'🚀'.repeat(24_999)}x${revision}` });
    const [entry] = timelineOf(call, ...[1, 2, 3].map(output))?.entries ?? [];
    if (entry?.kind !== 'tool') throw new Error('no tool call');
    expect(entry.tool.outputLength).toBe(150_000);
    expect(entry.tool.output.length).toBeGreaterThan(TIMELINE_OUTPUT_MAX - 2);
    expect(entry.tool.output.length).toBeLessThanOrEqual(TIMELINE_OUTPUT_MAX);
    expect(entry.tool.output.endsWith('🚀x3')).toBe(true);
    // Half a character cannot be encoded.
    expect(() => encodeURIComponent(entry.tool.output)).not.toThrow();
  });

  it('does not take a message for new that began before its first entry and ends now', () => {
    const begun = event(0, 'message.started', { ...author, messageId: 'old' });
    const posts = Array.from({ length: VIEW_TIMELINE_MAX }, (_, nth) =>
      event(nth + 1, 'message.posted', { ...author, messageId: `m${nth}`, content: 'x' }),
    );
    const full = timelineOf(begun, ...posts);
    expect([full?.before, full?.openBefore]).toEqual([1, ['old']]);
    const chunk = event(101, 'message.chunked', { messageId: 'old', from: 0, to: 0, text: 'x' });
    const end = event(102, 'message.completed', { ...author, messageId: 'old', content: 'x' });
    const ended = timelineOf(begun, ...posts, chunk, end);
    expect(ended).toEqual({ ...full, openBefore: [] });
  });

  it('holds one entry that alone is longer than a view may be', () => {
    const content = 'x'.repeat(VIEW_TIMELINE_CHARACTERS_MAX + 1);
    const short = event(0, 'message.posted', { ...author, messageId: 'a', content: 'x' });
    const long = event(1, 'message.posted', { ...author, messageId: 'b', content });
    expect(timelineOf(short, long)).toMatchObject({ before: 1, entries: [{ startedRevision: 1 }] });
  });
});

function textOf(entry: TimelineEntry): string {
  switch (entry.kind) {
    case 'message':
      return entry.message.content;
    case 'tool':
      return entry.tool.output;
    case 'event':
      return JSON.stringify(entry.event.data);
  }
}
