import {
  compareMessages,
  compareParticipants,
  entryBegunBy,
  eventEntry,
  evolveMessage,
  evolveParticipant,
  evolveSession,
  evolveTool,
  messageIdOf,
  participantIdOf,
  toolCallIdOf,
  toolEntry,
  type MessageView,
  type ParticipantView,
  type SessionEvent,
  type SessionView,
  type TimelineEntry,
  type ToolView,
} from '@playhead/contract';
import fc from 'fast-check';
import { newEvent, histories, type Happening } from './histories.ts';
import type { NewEvent } from '../../src/log/event-log.ts';

/** Everything that a session was after some events. */
export interface Past {
  readonly session: SessionView | undefined;
  readonly participants: readonly ParticipantView[];
  readonly messages: readonly MessageView[];
  readonly tools: readonly ToolView[];
  readonly timeline: readonly TimelineEntry[];
}

/** The fold of a session's first events, by nothing but the contract. */
export function pastOf(events: readonly SessionEvent[]): Past {
  let session: SessionView | undefined;
  const participants = new Map<string | undefined, ParticipantView>();
  const messages = new Map<string | undefined, MessageView>();
  const tools = new Map<string | undefined, ToolView>();
  const begun = new Map<string, SessionEvent>();
  for (const event of events) {
    session = evolveSession(session, event);
    const participantId = participantIdOf(event);
    const participant = evolveParticipant(participants.get(participantId), event);
    if (participant) participants.set(participantId, participant);
    const messageId = messageIdOf(event);
    const message = evolveMessage(messages.get(messageId), event);
    if (message) messages.set(messageId, message);
    const callId = toolCallIdOf(event);
    const tool = evolveTool(tools.get(callId), event);
    if (tool) tools.set(callId, tool);
    const key = entryBegunBy(event);
    const name = key && `${key.kind}:${key.id}`;
    if (name !== undefined && !begun.has(name)) begun.set(name, event);
  }
  const timeline = [...begun].map(([name, event]): TimelineEntry => {
    const id = name.slice(name.indexOf(':') + 1);
    const message = messages.get(id);
    const tool = tools.get(id);
    if (name.startsWith('message:') && message) {
      return { kind: 'message', startedRevision: event.revision, message };
    }
    return name.startsWith('tool:') && tool ? toolEntry(tool) : eventEntry(event);
  });
  return {
    session,
    participants: [...participants.values()].sort(compareParticipants),
    messages: [...messages.values()].sort(compareMessages),
    tools: [...tools.values()].sort((a, b) => a.calledRevision - b.calledRevision),
    timeline,
  };
}

/** Numbers from 0 up to 1, the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * So many events of a session: messages and tool calls begin, end, and begin again, in any order;
 * some events are accepted in the same millisecond.
 */
export function randomSession(seed: number, length: number): NewEvent[] {
  const next = random(seed);
  const among = (count: number): number => Math.floor(next() * count);
  const history: Happening[] = [];
  for (let nth = 0; history.length < length; nth += 1) {
    const [more = []] = fc.sample(histories(length), { seed: seed + nth, numRuns: 1 });
    history.push(...more);
  }
  let at = 1_760_000_000_000 + among(1_000);
  return history
    .slice(0, length)
    .map((happening) => (next() < 0.3 ? toolHappening(among) : withMoreIds(happening, among)))
    .map((happening) => {
      const event = newEvent({ ...happening, sessionId: '' });
      at += among(3);
      return { ...event, meta: { ...event.meta, at: new Date(at).toISOString() } };
    });
}

function toolHappening(among: (count: number) => number): Omit<Happening, 'sessionId'> {
  const callId = `call ${among(12)}`;
  const type = (['called', 'output', 'output', 'finished'] as const)[among(4)];
  if (type === 'called') return { type: 'tool.called', data: { callId, tool: 'sh', input: {} } };
  if (type === 'output') return { type: 'tool.output', data: { callId, text: `${among(100)};` } };
  const outcome = among(2) ? 'finished' : 'failed';
  return { type: 'tool.finished', v: 2, data: { callId, outcome, exitCode: among(2) } };
}

/** As many messages as there are in a page, and more. */
function withMoreIds(happening: Happening, among: (count: number) => number): Happening {
  const { messageId } = happening.data as { messageId?: string };
  if (messageId === undefined || !happening.type.startsWith('message.')) return happening;
  const data = { ...(happening.data as object), messageId: `${messageId} ${among(8)}` };
  return { ...happening, data };
}
