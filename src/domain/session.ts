import {
  asKnown,
  withRun,
  type EventData,
  type KnownSessionEvent,
  type SessionEvent,
} from '@playhead/contract';
import { allowedIn, transitions } from './state-rules.ts';
import { decisionOf, nothingNew, definedFields, type Decision } from './decision.ts';
import * as messages from './messages.ts';
import { refused, type Refused } from './refusal.ts';
import { decideReport, decideWhole } from './reports.ts';
import type { AskedCommand, SessionCommand } from './session-commands.ts';
import { fingerprint, type OpenMessage, type SessionState } from './session-state.ts';
import { decideTool } from './tools.ts';

/**
 * What a command does to a session. Pure; whether it was decided before is the caller's matter.
 * `id` is the command's own: what it creates without an id of its own gets this one.
 */
export function decide(
  command: SessionCommand,
  state: SessionState,
  id: string,
): Decision | Refused {
  switch (command.type) {
    case 'report-session':
      return decideWhole(command, state);
    case 'report-start':
    case 'report-participant':
    case 'report-name':
    case 'report-labels':
    case 'report-message':
    case 'report-tool-call':
    case 'report-tool-result':
    case 'report-note':
    case 'report-error':
    case 'report-end':
      return decideReport(command, state);
    case 'session.start':
    case 'session.rename':
    case 'session.label':
    case 'session.set-state':
    case 'session.set-provider':
    case 'session.cancel':
    case 'session.raise-error':
    case 'session.idle':
    case 'session.resume':
    case 'session.end':
    case 'participant.join':
    case 'participant.leave':
    case 'message.post':
    case 'message.start':
    case 'append-chunks':
    case 'message.complete':
    case 'message.fail':
    case 'tool.call':
    case 'tool.output':
    case 'tool.finish':
      return forbidden(command, state) ?? decideAsked(command, state, id);
  }
}

function forbidden({ type }: AskedCommand, { lifecycle }: SessionState): Refused | undefined {
  if (allowedIn[type].includes(lifecycle)) return undefined;
  if (lifecycle === 'none') return refused('not-found', 'no such session');
  const state = type === 'session.start' ? 'there already' : lifecycle;
  return refused('refused', `the session is ${state}: no ${type}`);
}

function decideAsked(command: AskedCommand, state: SessionState, id: string): Decision | Refused {
  switch (command.type) {
    case 'session.start':
      return decisionOf({
        type: 'session.started',
        data: definedFields({ ...command.data, source: 'api' }),
      });
    case 'session.rename':
      return decisionOf({ type: 'session.renamed', data: command.data });
    case 'session.label':
      return decisionOf({ type: 'session.labelled', data: command.data });
    case 'session.set-state':
      return turn(command.data, state);
    case 'session.set-provider':
      return decisionOf({ type: 'session.provider-changed', data: definedFields(command.data) });
    case 'session.cancel':
      if (state.activity !== 'working') return refused('refused', 'the session is not working');
      return decisionOf(
        { type: 'session.cancel-requested', data: definedFields(command.data) },
        { type: 'session.state-changed', data: { state: 'idle' } },
      );
    case 'session.raise-error':
      return decisionOf({ type: 'session.error-raised', data: definedFields(command.data) });
    case 'session.idle':
      return decisionOf({ type: 'session.idled', data: definedFields(command.data) });
    case 'session.resume':
      return decisionOf({ type: 'session.resumed', data: {} });
    case 'session.end':
      return decisionOf({ type: 'session.ended', data: definedFields(command.data) });
    case 'participant.join':
      return decisionOf({ type: 'participant.joined', data: definedFields(command.data) });
    case 'participant.leave':
      return state.participants.has(command.data.participantId)
        ? decisionOf({ type: 'participant.left', data: definedFields(command.data) })
        : refused('not-found', `nobody is called ${command.data.participantId} in the session`);
    case 'message.post':
      return messages.post(command.data, id, state);
    case 'message.start':
      return messages.start(command.data, id, state);
    case 'append-chunks':
      return messages.append(command, state);
    case 'message.complete':
      return messages.complete(command.data, state);
    case 'message.fail':
      return messages.fail(command.data, state);
    case 'tool.call':
    case 'tool.output':
    case 'tool.finish':
      return decideTool(command, id, state);
  }
}

function turn(data: EventData<'session.state-changed'>, state: SessionState): Decision | Refused {
  if (data.state === state.activity) return nothingNew;
  if (!transitions[state.activity].includes(data.state)) {
    return refused('refused', `the session is ${state.activity} and cannot become ${data.state}`);
  }
  return decisionOf({ type: 'session.state-changed', data: definedFields(data) });
}

type Own<Value> =
  Value extends ReadonlyMap<infer Key, infer Item>
    ? Map<Key, Item>
    : Value extends ReadonlySet<infer Item>
      ? Set<Item>
      : Value;
type OwnedState = { readonly [Field in keyof SessionState]: Own<SessionState[Field]> };

/** The state after one more event. Takes ownership of `state`. */
export function evolve(state: SessionState, event: SessionEvent): SessionState {
  const owned = state as OwnedState;
  const { commandId, digest } = event.meta;
  owned.commands.set(commandId, { revision: event.revision, digest });
  const next = { ...owned, revision: event.revision, at: event.meta.at };
  const known = asKnown(event);
  return known ? remember(next, known) : next;
}

function remember(state: OwnedState, event: KnownSessionEvent): OwnedState {
  switch (event.type) {
    case 'session.started':
      return {
        ...state,
        source: state.source ?? event.data.source,
        lifecycle: state.lifecycle === 'none' ? 'active' : state.lifecycle,
      };
    case 'session.state-changed':
      return { ...state, activity: event.data.state };
    case 'session.idled':
      return { ...state, lifecycle: 'idle' };
    case 'session.resumed':
      return { ...state, lifecycle: 'active' };
    case 'session.ended':
      return { ...state, lifecycle: 'ended' };
    case 'message.posted':
      state.messages.set(event.data.messageId, fingerprint(event.data.content));
      return inSequence(state, event.data.sequence);
    case 'message.started':
      state.openMessages.set(event.data.messageId, {
        started: event.data,
        assembly: { text: '', next: 0, ahead: [] },
      });
      return inSequence(state, event.data.sequence);
    case 'message.chunked':
      return grow(state, event.data);
    case 'message.completed':
    case 'message.failed':
      state.openMessages.delete(event.data.messageId);
      state.messages.set(event.data.messageId, fingerprint(event.data.content));
      return state;
    case 'participant.joined':
      state.participants.add(event.data.participantId);
      return state;
    case 'participant.left':
      state.participants.delete(event.data.participantId);
      return state;
    case 'tool.called':
      state.toolCalls.set(event.data.callId, 'running');
      return state;
    case 'tool.finished':
      state.toolCalls.set(event.data.callId, 'finished');
      return state;
    case 'session.ready':
    case 'session.renamed':
    case 'session.provider-changed':
    case 'session.labelled':
    case 'session.cancel-requested':
    case 'session.error-raised':
    case 'session.noted':
    case 'session.owner-set':
    case 'session.member-added':
    case 'session.member-removed':
    case 'tool.output':
      return state;
  }
}

const inSequence = (state: OwnedState, sequence = 0): OwnedState => ({
  ...state,
  sequence: Math.max(state.sequence, sequence),
});

function grow(state: OwnedState, chunk: EventData<'message.chunked'>): OwnedState {
  const open: OpenMessage | undefined = state.openMessages.get(chunk.messageId);
  if (open) {
    const assembly = withRun(open.assembly, chunk);
    state.openMessages.set(chunk.messageId, { ...open, assembly });
  }
  return state;
}
