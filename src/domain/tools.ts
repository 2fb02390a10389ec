import { extended, type RequestedCommand, type ToolOutcome } from '@playhead/contract';
import { decisionOf, nothingNew, definedFields, type Decision } from './decision.ts';
import { refused, type Refused } from './refusal.ts';
import type { SessionState } from './session-state.ts';

type ToolCommand = Extract<RequestedCommand, { type: `tool.${string}` }>;

/** A tool's call, its output piece by piece, and its end. `id` names a call that has no id. */
export function decideTool(
  command: ToolCommand,
  id: string,
  state: SessionState,
): Decision | Refused {
  const callId = command.data.callId ?? id;
  const call = state.toolCalls.get(callId);
  switch (command.type) {
    case 'tool.call':
      return call
        ? nothingNew
        : decisionOf({
            type: 'tool.called',
            data: definedFields(extended(command.data, { callId })),
          });
    case 'tool.output':
      if (!call) return refused('not-found', `the session has no tool call ${callId}`);
      if (call === 'finished') return refused('refused', `the tool call ${callId} is finished`);
      return decisionOf({ type: 'tool.output', data: definedFields(command.data) });
    case 'tool.finish':
      if (!call) return refused('not-found', `the session has no tool call ${callId}`);
      if (call === 'finished') return nothingNew;
      return decisionOf({
        type: 'tool.finished',
        data: { ...definedFields(command.data), outcome: outcomeOf(command.data) },
      });
  }
}

type Finish = Extract<ToolCommand, { type: 'tool.finish' }>['data'];

/** Programs say by their exit code that they failed; tools without one by an error. */
const outcomeOf = ({ exitCode = 0, error }: Finish): ToolOutcome =>
  error !== undefined || exitCode !== 0 ? 'failed' : 'finished';
