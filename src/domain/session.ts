import {
  asKnown,
  type EventData,
  type KnownSessionEvent,
  type SessionEvent,
  type SessionEventType,
  type SessionSource,
} from '@playhead/contract';
import { refused, type Refused } from './refused.ts';
import type { ReportedSource, SessionCommand } from './session-commands.ts';

/**
 * What deciding needs to know of a session. It has one owner: `evolve` moves it on, and the old
 * value must not be used after that, so that remembering one more of 100,000 messages costs the
 * same as the first.
 */
export interface SessionState {
  /** Of the last event, -1 before the first. */
  readonly revision: number;
  /** `meta.at` of the last event. */
  readonly at: string;
  readonly source: SessionSource | undefined;
  /** Fingerprint of the content of each message. */
  readonly messages: ReadonlyMap<string, number>;
  /** Ids of those who joined, declared or not. */
  readonly participants: ReadonlySet<string>;
  /** Each command that appended, with the revision of its last event. */
  readonly commands: ReadonlyMap<string, number>;
}

interface OwnedState extends SessionState {
  readonly messages: Map<string, number>;
  readonly participants: Set<string>;
  readonly commands: Map<string, number>;
}

/** An event before it has a place in the log. */
export type SessionFact = {
  [Type in SessionEventType]: { readonly type: Type; readonly data: EventData<Type> };
}[SessionEventType];

/** The facts a command leads to, none when there is nothing new in it. */
export interface Decided {
  readonly facts: readonly SessionFact[];
  /** Another message has this id already: the first one stands. */
  readonly keptFirst?: true;
}

/** The state before the first event, a new one each time: states have owners. */
export const initialState = (): SessionState => ({
  revision: -1,
  at: '',
  source: undefined,
  messages: new Map(),
  participants: new Set(),
  commands: new Map(),
});

/** What a command does to a session. Pure; whether it was decided before is the caller's matter. */
export function decide(command: SessionCommand, state: SessionState): Decided | Refused {
  if (state.source === 'web' || state.source === 'api') {
    return refused('not-found', 'no such session among the reported ones');
  }
  switch (command.type) {
    case 'report-start':
      return {
        facts: [
          { type: 'session.started', data: { ...command.start, source: command.source } },
          ...command.participants.map((participant, index) => joined({ ...participant, index })),
        ],
      };
    case 'report-message': {
      const { message, author } = command;
      const held = state.messages.get(message.messageId);
      if (held === fingerprint(message.content)) return { facts: [] };
      if (held !== undefined) return { facts: [], keptFirst: true };
      const isKnown = state.participants.has(author.participantId);
      return {
        facts: [
          ...inferredStart(state, command.source),
          ...(isKnown ? [] : [joined({ ...author, inferred: true })]),
          { type: 'message.posted', data: message },
        ],
      };
    }
    case 'report-error':
      return {
        facts: [
          ...inferredStart(state, command.source),
          { type: 'session.error-raised', data: command.error },
        ],
      };
    case 'report-end':
      return {
        facts: [
          ...inferredStart(state, command.source),
          { type: 'session.ended', data: command.end },
        ],
      };
  }
}

const joined = (data: EventData<'participant.joined'>): SessionFact => ({
  type: 'participant.joined',
  data,
});

/** A session first heard of in the middle exists from then on; its start fills the rest later. */
const inferredStart = (state: SessionState, source: ReportedSource): SessionFact[] =>
  state.revision >= 0 ? [] : [{ type: 'session.started', data: { source, inferred: true } }];

/** The state after one more event. Takes ownership of `state`. */
export function evolve(state: SessionState, event: SessionEvent): SessionState {
  const owned = state as OwnedState;
  owned.commands.set(event.meta.commandId, event.revision);
  const seen = { ...owned, revision: event.revision, at: event.meta.at };
  const known = asKnown(event);
  return known ? remember(seen, known) : seen;
}

function remember(state: OwnedState, event: KnownSessionEvent): OwnedState {
  switch (event.type) {
    case 'message.posted':
    case 'message.completed':
      state.messages.set(event.data.messageId, fingerprint(event.data.content));
      return state;
    case 'message.started':
      state.messages.set(event.data.messageId, fingerprint(''));
      return state;
    case 'participant.joined':
      state.participants.add(event.data.participantId);
      return state;
    case 'session.started':
      return { ...state, source: state.source ?? event.data.source };
    case 'session.ready':
    case 'session.renamed':
    case 'session.state-changed':
    case 'session.provider-changed':
    case 'session.labelled':
    case 'session.idled':
    case 'session.resumed':
    case 'session.cancel-requested':
    case 'session.error-raised':
    case 'session.ended':
    case 'session.owner-set':
    case 'session.member-added':
    case 'session.member-removed':
    case 'participant.left':
    case 'message.chunked':
    case 'message.failed':
    case 'tool.called':
    case 'tool.output':
    case 'tool.finished':
      return state;
  }
}

/** Tells contents apart without keeping them (FNV-1a); only counting differing resends uses it. */
function fingerprint(content: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < content.length; at += 1) {
    hash = Math.imul(hash ^ content.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

/** Roughly what a state takes in memory, in bytes. */
export const sizeOf = (state: SessionState): number =>
  1_000 + 160 * state.commands.size + 120 * state.messages.size + 120 * state.participants.size;
