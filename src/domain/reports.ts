import type { EventData } from '@playhead/contract';
import { decided, nothingNew, type Decided, type SessionFact } from './decided.ts';
import { refused, type Refused } from './refused.ts';
import type { ReportedCommand, ReportedSource } from './session-commands.ts';
import { fingerprint, type SessionState } from './session-state.ts';

/** What a report does: it has happened, so no state forbids it. */
export function decideReport(command: ReportedCommand, state: SessionState): Decided | Refused {
  if (state.source === 'web' || state.source === 'api') {
    return refused('not-found', 'no such session among the reported ones');
  }
  switch (command.type) {
    case 'report-start':
      return decided(
        { type: 'session.started', data: { ...command.start, source: command.source } },
        ...command.participants.map((participant, index) => joined({ ...participant, index })),
      );
    case 'report-message':
      return message(command, state);
    case 'report-error':
      return decided(...inferredStart(state, command.source), {
        type: 'session.error-raised',
        data: command.error,
      });
    case 'report-end':
      return decided(...inferredStart(state, command.source), {
        type: 'session.ended',
        data: command.end,
      });
  }
}

function message(
  { source, message, author }: Extract<ReportedCommand, { type: 'report-message' }>,
  state: SessionState,
): Decided {
  const held = state.messages.get(message.messageId);
  if (held !== undefined) {
    return held === fingerprint(message.content) ? nothingNew : { facts: [], keptFirst: true };
  }
  const isKnown = state.participants.has(author.participantId);
  return decided(
    ...inferredStart(state, source),
    ...(isKnown ? [] : [joined({ ...author, inferred: true })]),
    { type: 'message.posted', data: message },
  );
}

const joined = (data: EventData<'participant.joined'>): SessionFact => ({
  type: 'participant.joined',
  data,
});

/** A session first heard of in the middle exists from then on; its start fills the rest later. */
const inferredStart = (state: SessionState, source: ReportedSource): SessionFact[] =>
  state.lifecycle === 'none' ? [{ type: 'session.started', data: { source, inferred: true } }] : [];
