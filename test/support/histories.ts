import {
  eventTypes,
  evolveMessage,
  evolveParticipant,
  evolveSession,
  messageIdOf,
  participantIdOf,
  sessionStream,
  type EventType,
  type MessageView,
  type ParticipantView,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { EventLog, NewEvent } from '../../src/log/event-log.ts';

/** Something that happens in a session. */
export interface Happening {
  readonly sessionId: string;
  readonly type: string;
  readonly v?: number;
  readonly data: unknown;
  readonly occurredAt?: string | undefined;
}

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const count = fc.integer({ min: 0, max: 1e12 });
const extra = maybe(fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }));
const participantId = fc.constantFrom('p 1', 'p-2', 'ü');
const messageId = fc.constantFrom('m1', 'm2', `m'"3`, '🚀');

const author = {
  messageId,
  role: fc.constantFrom('system', 'user', 'assistant'),
  source: fc.constantFrom('user', 'agent', 'orchestrator', 'tool', 'system'),
  participantId: maybe(participantId),
  agentName: maybe(text),
  model: maybe(text),
  sequence: maybe(count),
  turn: maybe(count),
  extra,
};
/** Counts of which at least one is there. */
const tokenUsage = fc
  .tuple(
    fc.constantFrom('input', 'output', 'cacheRead', 'cacheWrite', 'reasoning'),
    fc.record({ input: maybe(count), cacheRead: maybe(count), reasoning: maybe(count) }),
    count,
  )
  .map(([field, others, one]) => ({ ...others, [field]: one }));
const attachment = fc.record({
  hash: fc.constantFrom('a', 'b').map((digit) => digit.repeat(64)),
  type: fc.constantFrom('image/png', 'text/plain; charset=utf-8'),
  bytes: count,
  name: maybe(text),
  preview: maybe(text),
});
const attachments = maybe(fc.array(attachment, { maxLength: 3 }));
const usage = {
  tokens: maybe(count),
  usage: maybe(tokenUsage),
  attachments,
  costNano: maybe(count),
  durationMs: maybe(fc.double({ min: 0.001, max: 1e13, noNaN: true })),
};

/** As version 1 of a message had it. */
const usage1 = {
  ...{ tokens: maybe(count), inputTokens: maybe(count), outputTokens: maybe(count) },
  costNano: maybe(count),
};

/** By event type; with `@` and a version where it is not today's. */
const dataOf: Record<string, fc.Arbitrary<unknown>> = {
  'session.started': fc.record({
    source: fc.constantFrom('web', 'api', 'cli-stream', 'cli-upload', 'import'),
    inferred: maybe(fc.constant(true)),
    name: maybe(text),
    mode: maybe(text),
    prompt: maybe(text),
    maxTurns: maybe(count),
    labels: maybe(fc.dictionary(text, text, { maxKeys: 3 })),
    extra,
  }),
  'session.renamed': fc.record({ name: text }),
  'session.state-changed': fc.record({
    state: fc.constantFrom('idle', 'working', 'error'),
    message: maybe(text),
  }),
  'session.labelled': fc.record({ labels: fc.dictionary(text, fc.option(text), { maxKeys: 3 }) }),
  'session.idled': fc.record({}),
  'session.error-raised': fc.record({ message: text, kind: maybe(text) }),
  'session.owner-set': fc.record({ owner: participantId }),
  'session.member-added': fc.record({ member: participantId }),
  'session.member-removed': fc.record({ member: participantId }),
  'session.ended': fc.record({
    as: fc.constantFrom('completed', 'interrupted', 'error', 'terminated'),
    reported: maybe(fc.record({ messages: count, costNano: maybe(count) })),
    summary: maybe(fc.record({ text, tokens: maybe(count) })),
  }),
  'participant.joined': fc.record({
    participantId,
    kind: fc.constantFrom('user', 'agent', 'orchestrator', 'worker'),
    inferred: maybe(fc.constant(true)),
    index: maybe(count),
    name: maybe(text),
    prompt: maybe(text),
    extra,
  }),
  'participant.left': fc.record({ participantId }),
  'message.posted': fc.record({ ...author, ...usage, content: text }),
  'message.posted@1': fc.record({ ...author, ...usage1, content: text }),
  'message.started': fc.record(author),
  'message.chunked': fc
    .nat(3)
    .chain((from) =>
      fc.record({ messageId, from: fc.constant(from), to: fc.constant(from), text }),
    ),
  'message.completed': fc.record({ ...author, ...usage, content: text }),
  'message.completed@1': fc.record({ ...author, ...usage1, content: text }),
  'message.failed': fc.record({ messageId, error: text, content: text }),
  'tool.called': fc.record({ callId: messageId, tool: text }),
  'tool.output': fc.record({ callId: messageId, text, attachments }),
  'nobody.knows-this': fc.record({ anything: fc.jsonValue() }),
};

const occurredAt = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());

/** Events of a few sessions, interleaved: known, unknown, and of versions yet to come. */
export const histories = (maxLength: number): fc.Arbitrary<Happening[]> => {
  const one = fc.constantFrom(...Object.keys(dataOf)).chain((name) => {
    const [type = '', old] = name.split('@');
    const v = old === undefined ? versionOf(type) : Number(old);
    return fc.record({
      sessionId: fc.constantFrom('s1', 's 2', 's-ü/3', '4🚀'),
      type: fc.constant(type),
      v: fc.constantFrom(v, v, v, v, v, v, v, 9),
      data: dataOf[name] ?? fc.constant({}),
      occurredAt: maybe(occurredAt),
    });
  });
  return fc.array(one, { minLength: 1, maxLength, size: 'max' });
};

/** Today's version of a type; any of one that nobody knows. */
const versionOf = (type: string): number =>
  Object.hasOwn(eventTypes, type) ? eventTypes[type as EventType].v : 7;

let clock = 0;

/** An event as the log takes it; `at` rises from one to the next. */
export const newEvent = ({ type, v, data, occurredAt: happened }: Happening): NewEvent => ({
  id: randomUUID(),
  type,
  v: v ?? versionOf(type),
  // What the log cannot tell from absent must not be there.
  data: JSON.parse(JSON.stringify(data)) as unknown,
  meta: {
    at: new Date(1_760_000_000_000 + (clock += 1)).toISOString(),
    actor: 'key:test',
    commandId: randomUUID(),
    ...(happened === undefined ? {} : { occurredAt: happened }),
  },
});

/** Appends the happenings one by one; answers the position of the last. */
export async function appendAll(log: EventLog, happenings: readonly Happening[]): Promise<string> {
  const revisions = new Map<string, number>();
  let position = await log.head();
  for (const happening of happenings) {
    const stream = sessionStream(happening.sessionId);
    const expected = revisions.get(stream) ?? (await log.last(stream))?.revision ?? -1;
    const appended = await log.append({ stream, expected, events: [newEvent(happening)] });
    revisions.set(stream, appended.revision);
    position = appended.position;
  }
  return position;
}

/** A whole message, the nth of its session. */
export const posted = (sessionId: string, nth: number, content = 'text'): Happening => ({
  sessionId,
  type: 'message.posted',
  data: { messageId: `m${nth}`, role: 'assistant', source: 'agent', content },
});

/** Rows of the three read models, by key. */
export interface Rows {
  readonly sessions: Readonly<Record<string, SessionView>>;
  readonly messages: Readonly<Record<string, MessageView>>;
  readonly participants: Readonly<Record<string, ParticipantView>>;
}

export const rowKey = (sessionId: string, id?: string): string => JSON.stringify([sessionId, id]);

/** What the read models must hold after these events: the contract's folds, without chunks. */
export function foldRows(events: readonly SessionEvent[]): Rows {
  const sessions: Record<string, SessionView> = {};
  const messages: Record<string, MessageView> = {};
  const participants: Record<string, ParticipantView> = {};
  for (const event of events) {
    if (event.type === 'message.chunked') continue;
    const { sessionId } = event;
    const key = rowKey(sessionId);
    sessions[key] = evolveSession(sessions[key], event);
    const messageKey = rowKey(sessionId, messageIdOf(event));
    const message = evolveMessage(messages[messageKey], event);
    if (message) messages[messageKey] = message;
    const participantKey = rowKey(sessionId, participantIdOf(event));
    const participant = evolveParticipant(participants[participantKey], event);
    if (participant) participants[participantKey] = participant;
  }
  return { sessions, messages, participants };
}
