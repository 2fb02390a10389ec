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
  switch (command.type) {
    case 'report-start':
      return decisionOf(
        { type: 'session.started', data: { ...command.start, source: command.source } },
        ...command.participants.map((participant, index) => joined({ ...participant, index })),
      );
    case 'report-message':
      return message(command, state);
    case 'report-error':
      return decisionOf(...inferredStart(state, command.source), {
        type: 'session.error-raised',
        data: command.error,
      });
    case 'report-end':
      return decisionOf(...inferredStart(state, command.source), {
        type: 'session.ended',
        data: command.end,
      });
  }
}

/** Each report is decided on the result of those before it, as if they had come one by one. */
export function decideWhole({ reports }: ReportSession, state: SessionState): Decision | Refused {
  if (state.revision >= 0) return refused('refused', 'A session with this ID already exists');
  const facts: DecidedFact[] = [];
  // The caller's own must not change: the session may not come to exist.
  const messages = new Map<string, number>();
  const participants = new Set<string>();
  for (const { report, meta } of reports) {
    const lifecycle = facts.length === 0 ? 'none' : 'active';
    const decided = decideReport(report, { ...state, lifecycle, messages, participants });
    if ('refused' in decided) return decided;
    for (const fact of decided.facts) {
      facts.push({ ...fact, meta });
      if (fact.type === 'participant.joined') participants.add(fact.data.participantId);
      if (fact.type === 'message.posted') {
        messages.set(fact.data.messageId, fingerprint(fact.data.content));
      }
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

const joined = (data: EventData<'participant.joined'>): SessionFact => ({
  type: 'participant.joined',
  data,
});

/** A session first known in the middle exists from then on; its start fills the rest later. */
const inferredStart = (state: SessionState, source: ReportedSource): SessionFact[] =>
  state.lifecycle === 'none' ? [{ type: 'session.started', data: { source, inferred: true } }] : [];
