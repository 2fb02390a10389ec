import type { EventData } from '@playhead/contract';
import {
  decisionOf,
  nothingNew,
  type DecidedFact,
  type Decision,
  type SessionFact,
} from './decision.ts';
import { refused, type Refused } from './refusal.ts';
import type { ReportedCommand, ReportedSource, ReportSession } from './session-commands.ts';
import { fingerprint, type SessionState } from './session-state.ts';

/** What a report does: it has happened, so no state forbids it. */
export function decideReport(command: ReportedCommand, state: SessionState): Decision | Refused {
  if (state.source === 'web' || state.source === 'api') {
    return refused('not-found', 'no such session among the reported ones');
  }
  const begun = (...facts: SessionFact[]): Decision =>
    decisionOf(...inferredStart(state, command.source), ...facts);
  switch (command.type) {
    case 'report-start':
      return decisionOf(
        { type: 'session.started', data: { ...command.start, source: command.source } },
        ...command.participants.map((participant, index) => joined({ ...participant, index })),
      );
    case 'report-message':
      return message(command, state);
    case 'report-tool-call':
      return state.toolCalls.has(command.call.callId)
        ? nothingNew
        : begun({ type: 'tool.called', data: command.call });
    case 'report-tool-result':
      return toolResult(command, state);
    case 'report-participant':
      return begun(joined(command.participant));
    case 'report-name':
      return begun({ type: 'session.renamed', data: { name: command.name } });
    case 'report-labels':
      return begun({ type: 'session.labelled', data: { labels: command.labels } });
    case 'report-note':
      return begun({ type: 'session.noted', data: command.note });
    case 'report-error':
      return begun({ type: 'session.error-raised', data: command.error });
    case 'report-end':
      return begun({ type: 'session.ended', data: command.end });
  }
}

/** Each report is decided on the result of those before it, as if they had come one by one. */
export function decideWhole({ reports }: ReportSession, state: SessionState): Decision | Refused {
  if (state.revision >= 0) return refused('refused', 'A session with this ID already exists');
  const facts: DecidedFact[] = [];
  // The caller's own must not change: the session may not come to exist.
  const messages = new Map<string, number>();
  const participants = new Set<string>();
  const toolCalls = new Map<string, 'running' | 'finished'>();
  for (const { report, meta } of reports) {
    const lifecycle = facts.length === 0 ? 'none' : 'active';
    const known = { messages, participants, toolCalls };
    const decided = decideReport(report, { ...state, lifecycle, ...known });
    if ('refused' in decided) return decided;
    for (const fact of decided.facts) {
      facts.push({ ...fact, meta });
      if (fact.type === 'participant.joined') participants.add(fact.data.participantId);
      if (fact.type === 'message.posted') {
        messages.set(fact.data.messageId, fingerprint(fact.data.content));
      }
      if (fact.type === 'tool.called') toolCalls.set(fact.data.callId, 'running');
      if (fact.type === 'tool.finished') toolCalls.set(fact.data.callId, 'finished');
    }
  }
  return { facts };
}

function message(
  { source, message, author }: Extract<ReportedCommand, { type: 'report-message' }>,
  state: SessionState,
): Decision {
  const held = state.messages.get(message.messageId);
  if (held !== undefined) {
    return held === fingerprint(message.content) ? nothingNew : { facts: [], keptFirst: true };
  }
  const isKnown = state.participants.has(author.participantId);
  return decisionOf(
    ...inferredStart(state, source),
    ...(isKnown ? [] : [joined({ ...author, inferred: true })]),
    { type: 'message.posted', data: message },
  );
}

/** The result of a call that nobody reported is kept with a call that says no more than that. */
function toolResult(
  { source, output, finish }: Extract<ReportedCommand, { type: 'report-tool-result' }>,
  state: SessionState,
): Decision {
  const { callId } = finish;
  const call = state.toolCalls.get(callId);
  if (call === 'finished') return nothingNew;
  const isKnown = call !== undefined;
  return decisionOf(
    ...inferredStart(state, source),
    ...(isKnown ? [] : [{ type: 'tool.called' as const, data: { callId, tool: 'unknown' } }]),
    ...(output ? [{ type: 'tool.output' as const, data: output }] : []),
    { type: 'tool.finished', data: finish },
  );
}

const joined = (data: EventData<'participant.joined'>): SessionFact => ({
  type: 'participant.joined',
  data,
});

/** A session first known in the middle exists from then on; its start fills the rest later. */
const inferredStart = (state: SessionState, source: ReportedSource): SessionFact[] =>
  state.lifecycle === 'none' ? [{ type: 'session.started', data: { source, inferred: true } }] : [];
