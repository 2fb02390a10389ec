import type { EndKind, EventData } from '@playhead/contract';
import { definedFields, entryOf, idOfText, type ImportedReport } from '../imported-entry.ts';
import { listIn, rowOf, textIn, type DocumentFormat, type Row } from '../import-format.ts';
import { noteReport, startReport } from '../reports.ts';
import { faultIn, keepable, leftOf, nanoOf, rest, rowIn, tokensIn } from '../row-fields.ts';
import { agentId, SweAgentHistory } from './swe-agent-history.ts';

/** How a run ended, by the beginnings of SWE-agent's exit statuses. */
function endKindOf(status: string): EndKind {
  if (status.startsWith('submitted')) return 'completed';
  if (/error|format|api/.test(status)) return 'error';
  return /skipped|interrupt|early/.test(status) ? 'interrupted' : 'terminated';
}

/** The end, where the file has one; a run whose status is not known yet has none. */
function endOf(info: Row): ImportedReport | undefined {
  const status = textIn(info.exit_status);
  if (status === undefined) return undefined;
  const stats = rowOf(info.model_stats) ?? {};
  const [sent, received] = [tokensIn(stats.tokens_sent), tokensIn(stats.tokens_received)];
  // A replay counts nothing and says 0 everywhere: then nothing is known.
  const isCounted = (sent ?? 0) + (received ?? 0) > 0;
  const cost = nanoOf(stats.instance_cost);
  const reported = definedFields<NonNullable<EventData<'session.ended'>['reported']>>({
    turns: tokensIn(stats.api_calls) || undefined,
    tokens: isCounted ? (sent ?? 0) + (received ?? 0) : undefined,
    costNano: isCounted || cost !== 0 ? cost : undefined,
  });
  const summary = isCounted
    ? definedFields<NonNullable<EventData<'session.ended'>['summary']>>({
        inputTokens: sent,
        outputTokens: received,
      })
    : undefined;
  return {
    type: 'report-end',
    end: definedFields<EventData<'session.ended'>>({
      as: endKindOf(status),
      reason: status,
      reported: Object.keys(reported).length > 0 ? reported : undefined,
      summary,
      extra: { ...rest(info, 'exit_status') },
    }),
  };
}

/** The same for a longer version of the same file: its name, its environment and how it begins. */
const runId = (name: string, row: Row, history: readonly unknown[]): string => {
  const begin = history.slice(0, 2).map((item) => rowOf(item)?.content);
  const known = [row.environment, ...begin].map((part) => faultIn(part) ?? part);
  return idOfText(JSON.stringify(['swe-agent', name, ...known]));
};

/** The steps as the messages they were, for a file that has no history. */
const messagesOf = (steps: readonly unknown[]): unknown[] =>
  steps.flatMap((value) => {
    const { response, thought, action, observation } = rowOf(value) ?? {};
    return [
      { role: 'assistant', content: response ?? thought, thought, action },
      ...(textIn(observation) === undefined ? [] : [{ role: 'user', content: observation }]),
    ];
  });

function startOf(row: Row, file: string, history: readonly unknown[]): ImportedReport {
  const config = rowIn(row.replay_config);
  const problem = rowOf(config?.problem_statement) ?? {};
  const agent = textIn(rowOf(history[0])?.agent);
  const model = textIn(rowOf(rowOf(config?.agent)?.model)?.name);
  const fields = {
    name: textIn(problem.id) ?? textIn(file.replace(/\.traj$/, '')),
    prompt: textIn(problem.text),
    model,
    extra: {
      ...leftOf(row, { info: rowOf(row.info), replay_config: config }),
      ...rest({ config }),
    },
  };
  const declared = { kind: 'agent' as const, agentType: 'swe-agent', ...(model && { model }) };
  return startReport(
    fields,
    agent ? [{ participantId: agentId(agent), name: agent, ...declared }] : [],
  );
}

/**
 * A trajectory of SWE-agent (`*.traj`): the history of messages with the agent's actions as tool
 * calls and what came of them as results, in the shape of before tool calls (0.7) and after (1.x).
 * Demonstrations that the model was shown are messages marked `demo`, without calls. Tested on
 * real files; `attempts` of a run with retries is built to SWE-agent's source.
 */
export const sweAgent: DocumentFormat = {
  name: 'SWE-agent trajectory',
  detects: (value) => {
    const row = rowOf(value);
    const isHistory = (item: unknown) => 'agent' in (rowOf(item) ?? {});
    return (
      row !== undefined &&
      ((Array.isArray(row.history) && row.history.some(isHistory)) ||
        (Array.isArray(row.trajectory) && 'info' in row))
    );
  },
  *read(value, file) {
    const { row, faults } = keepable(withoutLists(rowOf(value) ?? {}));
    for (const fault of faults) yield { unreadable: fault };
    const given = rowOf(value) ?? {};
    const steps = listIn(given.trajectory);
    const history = Array.isArray(given.history) ? (given.history as unknown[]) : messagesOf(steps);
    const sessionId = runId(file.name, row, history);
    yield entryOf(sessionId, 'start', startOf(row, file.name, history));
    const run = new SweAgentHistory(sessionId, steps);
    for (const [index, item] of history.entries()) yield* run.item(item, index);
    yield* run.end();
    for (const [index, attempt] of listIn(given.attempts).entries()) {
      const fault = faultIn(attempt);
      yield fault !== undefined
        ? { unreadable: `attempt ${index} ${fault}` }
        : entryOf(sessionId, `attempt ${index}`, noteReport('attempt', { attempt }));
    }
    const info = rowOf(row.info);
    if (!info) return;
    const end = endOf(info) ?? noteReport('info', info);
    // A run that is tried again ends again: another end, which stands in place of the first.
    yield entryOf(sessionId, `end ${JSON.stringify(info)}`, end);
  },
};

/** The lists are looked at item by item: what is wrong in one of them is that item's fault. */
const withoutLists = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).filter(
      ([name, value]) =>
        !(['history', 'trajectory', 'attempts'].includes(name) && Array.isArray(value)),
    ),
  );
