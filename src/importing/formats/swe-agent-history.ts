import { readContent } from '../content-parts.ts';
import { entryOf, idFrom, messageReport, type Imported } from '../imported-entry.ts';
import { listIn, rowOf, textIn, type Row } from '../import-format.ts';
import { noteReport } from '../reports.ts';
import { faultIn, leftOf, parsedInput, rest, roleIn } from '../row-fields.ts';
import { callReport, resultReport, ToolCallIds } from '../tool-calls.ts';

/** A call whose result has not come: the older shape names no calls, results just follow. */
interface OpenCall {
  readonly callId: string;
  readonly key: string;
  readonly step: Row | undefined;
}

/** The command that an action begins with, as it would be named were it a function. */
const commandOf = (action: string): string =>
  /^\s*([A-Za-z_][\w.-]{0,63})/.exec(action)?.[1] ?? 'shell';

/** One run of SWE-agent: the history of its messages, beside the steps of its trajectory. */
export class SweAgentHistory {
  readonly #sessionId: string;
  readonly #calls = new ToolCallIds();
  readonly #steps: readonly unknown[];
  #stepsUsed = 0;
  #open: OpenCall | undefined;
  readonly #waiting = new Map<string, OpenCall>();

  constructor(sessionId: string, steps: readonly unknown[]) {
    this.#sessionId = sessionId;
    this.#steps = steps;
  }

  *item(value: unknown, index: number): Generator<Imported> {
    const row = rowOf(value);
    const fault = row ? faultIn(row) : 'is no object';
    if (!row || fault !== undefined) {
      yield { unreadable: `history ${index} ${fault}` };
    } else if (row.is_demo === true) {
      const extra = leftOf(row, { role: roleIn(row.role), content: true, is_demo: true });
      yield this.#message(row, index, { demo: true, ...extra });
    } else if (row.role === 'assistant') {
      yield* this.#acted(row, index);
    } else {
      yield* this.#observed(row, index);
    }
  }

  #message(row: Row, index: number, extra: Row): Imported {
    const { role, source } = roleIn(row.role) ?? { role: 'system', source: 'system' };
    const { text, files, others } = readContent(row.content);
    const agent = textIn(row.agent) ?? 'main';
    const author = source === 'agent' ? agentId(agent) : source;
    const report = messageReport({
      messageId: `history-${index}`,
      role,
      source,
      author:
        source === 'agent'
          ? { participantId: author, kind: 'agent', name: agent, agentType: 'swe-agent' }
          : { participantId: author, kind: source === 'user' ? 'user' : 'orchestrator' },
      content: text,
      extra: {
        ...extra,
        ...(others.length > 0 && { content: others }),
      },
    });
    return entryOf(this.#sessionId, `history ${index}`, report, { files });
  }

  *#acted(row: Row, index: number): Generator<Imported> {
    const { text } = readContent(row.content);
    const calls = listIn(row.tool_calls);
    const action = textIn(row.action);
    const step = this.#stepOf(row);
    const isCall = calls.length > 0 || action !== undefined;
    yield this.#message(row, index, {
      ...leftOf(row, {
        role: true,
        content: true,
        agent: textIn(row.agent),
        thought: row.thought === text || undefined,
        action,
        tool_calls: Array.isArray(row.tool_calls) || undefined,
      }),
      ...(step && rest({ step: leftOfStep(step, row, text, isCall) })),
    });
    this.#open = undefined;
    if (calls.length === 0 && action !== undefined) {
      const key = `call ${index}`;
      const callId = this.#calls.begin(undefined, `history-${index}-action`);
      this.#open = { callId, key, step };
      this.#waiting.set(callId, this.#open);
      const report = callReport({ ...by(index), callId, tool: commandOf(action), input: action });
      yield entryOf(this.#sessionId, key, report);
    }
    for (const [nth, call] of calls.entries()) yield* this.#called(call, index, nth, step, action);
  }

  *#called(
    value: unknown,
    index: number,
    nth: number,
    step: Row | undefined,
    action: string | undefined,
  ): Generator<Imported> {
    const call = rowOf(value);
    if (!call) {
      yield { unreadable: `tool call ${nth} of history ${index} is no object` };
      return;
    }
    const key = nth === 0 ? `call ${index}` : `call ${index}-${nth}`;
    const callId = this.#calls.begin(call.id, `history-${index}-${nth}`);
    const called = rowOf(call.function) ?? {};
    this.#waiting.set(callId, { callId, key, step: nth === 0 ? step : undefined });
    const report = callReport({
      ...by(index),
      callId,
      tool: called.name,
      input: parsedInput(called.arguments),
      extra: {
        ...leftOf(call, {
          id: textIn(call.id),
          type: call.type === 'function' || undefined,
          function: rowOf(call.function),
        }),
        ...leftOf(called, { name: textIn(called.name), arguments: true }),
        ...(nth === 0 && rest({ action })),
      },
    });
    yield entryOf(this.#sessionId, key, report);
  }

  /** An observation is the result of a call; anything else that the model was shown, a message. */
  *#observed(row: Row, index: number): Generator<Imported> {
    const open = this.#open;
    this.#open = undefined;
    if (open && row.role === 'user') {
      yield this.#result(open, row);
      return;
    }
    const ids = listIn(row.tool_call_ids);
    let isTaken = false;
    for (const name of ids) {
      const callId = this.#calls.answered(name);
      if (callId === undefined) continue;
      const key = `call of ${callId}`;
      yield this.#result(this.#waiting.get(callId) ?? { callId, key, step: undefined }, row);
      isTaken = true;
    }
    if (isTaken) return;
    yield this.#message(row, index, leftOf(row, { role: roleIn(row.role), content: true }));
  }

  #result({ callId, key, step }: OpenCall, row: Row): Imported {
    this.#waiting.delete(callId);
    const { text, files, others } = readContent(row.content);
    const [seconds, observation] = [step?.execution_time, textIn(step?.observation)];
    const isShown = observation !== undefined && text.includes(observation.trim());
    const report = resultReport({
      callId,
      text,
      durationMs: typeof seconds === 'number' ? seconds * 1000 : undefined,
      extra: {
        ...leftOf(row, {
          role: true,
          content: true,
          tool_call_ids: Array.isArray(row.tool_call_ids) || undefined,
        }),
        ...(!isShown && rest({ observation })),
        ...(others.length > 0 && { content: others }),
      },
    });
    return entryOf(this.#sessionId, `result of ${key}`, report, { files });
  }

  /** The step that the trajectory has for what the agent did, if the two go together. */
  #stepOf(row: Row): Row | undefined {
    const step = rowOf(this.#steps[this.#stepsUsed]);
    if (!step || step.action !== row.action || faultIn(step) !== undefined) return undefined;
    this.#stepsUsed += 1;
    return step;
  }

  /**
   * What only the end makes certain: results that only the trajectory has, as the last one's where
   * the history stops before it, and steps that the history does not have.
   */
  *end(): Generator<Imported> {
    for (const call of [...this.#waiting.values()]) {
      const observation = textIn(call.step?.observation);
      if (observation !== undefined) yield this.#result(call, { content: observation });
    }
    for (const [offset, value] of this.#steps.slice(this.#stepsUsed).entries()) {
      const index = this.#stepsUsed + offset;
      const fault = faultIn(value);
      if (fault !== undefined) {
        yield { unreadable: `step ${index} ${fault}` };
      } else {
        yield entryOf(this.#sessionId, `step ${index}`, noteReport('step', { step: value }));
      }
    }
  }
}

/** What a step says that neither its message nor its call and result say. */
const leftOfStep = (step: Row, row: Row, text: string, isCall: boolean): Row =>
  leftOf(step, {
    action: true,
    response: step.response === text || undefined,
    thought: step.thought === row.thought || step.thought === text || undefined,
    observation: isCall ? textIn(step.observation) : undefined,
    execution_time: isCall && typeof step.execution_time === 'number' ? true : undefined,
  });

/** The participant that an agent of a run is. */
export const agentId = (name: string): string => idFrom(`agent-${name}`);

const by = (index: number) => ({ messageId: `history-${index}` });
