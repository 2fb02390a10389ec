import type { SessionEvent } from '../envelope.ts';
import { compareMessages, evolveMessage, messageIdOf, type MessageView } from './message.ts';
import {
  compareParticipants,
  evolveParticipant,
  participantIdOf,
  type ParticipantView,
} from './participant.ts';
import { evolveSession, type SessionView } from './session.ts';
import { emptyTimeline, evolveTimeline, type Timeline } from './timeline.ts';

/** Messages a view holds: the last page, in list order. Older ones are paged over HTTP. */
export const VIEW_MESSAGES_MAX = 50;
/** Participants a view holds: the first ones, in list order. */
export const VIEW_PARTICIPANTS_MAX = 200;

/** Of the fold that makes a view of events; raised whenever it gives another result. */
export const OPEN_VIEW_VERSION = 6;

/**
 * What a session looks like when it is opened. Bounded, so that it costs the same for a short and
 * a long session; `session.counted.messages` tells how many messages there are in all.
 */
export interface OpenView {
  readonly session: SessionView;
  readonly participants: readonly ParticipantView[];
  readonly messages: readonly MessageView[];
  /** Messages, tool calls and other events, in the order in which each began: the last ones. */
  readonly timeline: Timeline;
}

/** No type has this version: an event that carries it is opaque to every fold. */
const OPAQUE = 0;

/**
 * The view after one more event. Old views are never changed, untouched parts are shared. An event
 * whose data is not what its type promises counts as opaque, everywhere alike; throws only for what
 * is no event at all.
 */
export function evolveOpenView(view: OpenView | undefined, event: SessionEvent): OpenView {
  try {
    return evolveParts(view, event);
  } catch {
    return evolveParts(view, { ...event, v: OPAQUE });
  }
}

function evolveParts(view: OpenView | undefined, event: SessionEvent): OpenView {
  return {
    session: evolveSession(view?.session, event),
    participants: evolveParticipants(view?.participants ?? [], event),
    messages: evolveMessages(view?.messages ?? [], event),
    timeline: evolveTimeline(view?.timeline ?? emptyTimeline, event),
  };
}

function evolveParticipants(
  held: OpenView['participants'],
  event: SessionEvent,
): OpenView['participants'] {
  const participantId = participantIdOf(event);
  if (participantId === undefined) return held;
  const before = held.find((one) => one.participantId === participantId);
  const after = evolveParticipant(before, event);
  if (!after) return held;
  return [...held.filter((one) => one !== before), after]
    .sort(compareParticipants)
    .slice(0, VIEW_PARTICIPANTS_MAX);
}

function evolveMessages(held: OpenView['messages'], event: SessionEvent): OpenView['messages'] {
  const messageId = messageIdOf(event);
  if (messageId === undefined) return held;
  const index = held.findIndex((one) => one.messageId === messageId);
  const after = evolveMessage(held[index], event);
  if (!after || after === held[index]) return held;
  if (index >= 0) return held.with(index, after);
  // Nearly always the new one goes last; the rest is for producers that deliver out of order.
  const insertAt = held.findLastIndex((one) => compareMessages(one, after) < 0) + 1;
  return held.toSpliced(insertAt, 0, after).slice(-VIEW_MESSAGES_MAX);
}
