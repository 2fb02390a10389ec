import { readFileSync } from 'node:fs';
import type { ImportedEntry } from '../../src/importing/imported-entry.ts';
import { sweAgent } from '../../src/importing/formats/swe-agent.ts';
import {
  entriesOf,
  faultsOf,
  lostFields,
  messagesOf,
  readDocument,
  reportsOf,
  survivesMutations,
  unreadableOf,
} from '../support/imported.ts';
import { recordedFile } from '../support/samples.ts';

const read = (value: unknown, name = 'run.traj') => readDocument(sweAgent, value, name);

const call = (id: string, name: string, input: string) => ({
  id,
  type: 'function',
  function: { name, arguments: input },
});

const history = [
  { role: 'system', content: 'You fix bugs.', agent: 'main', message_type: 'system_prompt' },
  {
    role: 'user',
    content: 'A demonstration',
    agent: 'main',
    is_demo: true,
    message_type: 'demonstration',
  },
  { role: 'assistant', content: 'shown', action: 'ls', agent: 'main', is_demo: true },
  { role: 'user', content: 'The issue', agent: 'main', message_type: 'observation', tags: ['t'] },
  {
    role: 'assistant',
    content: 'I look.',
    thought: 'I look.',
    action: 'open a.py',
    agent: 'main',
    tool_calls: [call('c1', 'open', '{"path":"a.py"}')],
    message_type: 'action',
    thinking_blocks: [{ thinking: 'hm' }],
  },
  { role: 'tool', content: 'the file\n(Open file: a.py)', agent: 'main', tool_call_ids: ['c1'] },
  {
    role: 'assistant',
    content: 'Both.',
    thought: 'other',
    action: 'run',
    agent: 'second',
    tool_calls: [call('c2', 'bash', 'not JSON'), call('c3', 'submit', '{}')],
  },
  {
    role: 'tool',
    content: [{ type: 'text', text: 'done' }],
    agent: 'second',
    tool_call_ids: ['c2'],
  },
];

const trajectory = [
  {
    action: 'open a.py',
    observation: 'the file',
    response: 'I look.',
    thought: 'I look.',
    execution_time: 0.25,
    state: { working_dir: '/repo' },
    query: [{ role: 'system', content: 'You fix bugs.' }],
  },
  { action: 'run', observation: 'not shown', response: 'x', thought: 'other', execution_time: 2 },
  { action: 'only here', observation: 'o', response: 'r', thought: 't' },
];

const info = {
  exit_status: 'submitted (exit_cost)',
  submission: 'diff',
  model_stats: { instance_cost: 0.5, tokens_sent: 900, tokens_received: 100, api_calls: 2 },
};

const replay = {
  agent: { model: { name: 'gpt-4o' } },
  problem_statement: { id: 'repo__1', text: 'It breaks.' },
};

const whole = {
  environment: 'main',
  trajectory,
  history,
  info,
  replay_config: JSON.stringify(replay),
  attempts: [{ history: [], info: {} }],
};

describe('a trajectory of SWE-agent', () => {
  const all = read(whole);

  it('is read whole', () => {
    expect([faultsOf(all), unreadableOf(all)]).toEqual([[], []]);
    const [start] = reportsOf(all, 'report-start');
    expect(start?.start).toEqual({
      name: 'repo__1',
      prompt: 'It breaks.',
      model: 'gpt-4o',
      extra: { environment: 'main', config: replay },
    });
    expect(start?.participants).toEqual([
      {
        participantId: 'agent-main',
        kind: 'agent',
        name: 'main',
        agentType: 'swe-agent',
        model: 'gpt-4o',
      },
    ]);
    expect(messagesOf(all).map(({ content, source }) => [source, content])).toEqual([
      ['system', 'You fix bugs.'],
      ['user', 'A demonstration'],
      ['agent', 'shown'],
      ['user', 'The issue'],
      ['agent', 'I look.'],
      ['agent', 'Both.'],
    ]);
  });

  it('has its actions as calls and its observations as their results', () => {
    const calls = reportsOf(all, 'report-tool-call').map(({ call: one }) => one);
    expect(calls.map(({ callId, tool, input }) => [callId, tool, input])).toEqual([
      ['c1', 'open', { path: 'a.py' }],
      ['c2', 'bash', 'not JSON'],
      ['c3', 'submit', {}],
    ]);
    const results = reportsOf(all, 'report-tool-result');
    expect(
      results.map(({ output, finish }) => [finish.callId, output?.text, finish.durationMs]),
    ).toEqual([
      ['c1', 'the file\n(Open file: a.py)', 250],
      ['c2', 'done', 2_000],
    ]);
    expect(results[1]?.finish.extra).toMatchObject({ observation: 'not shown' });
  });

  it('marks what it only shows, and counts no calls of it', () => {
    const demos = messagesOf(all).filter(({ extra }) => extra?.demo === true);
    expect(demos.map(({ content }) => content)).toEqual(['A demonstration', 'shown']);
  });

  it('ends as it says, with its own totals', () => {
    expect(reportsOf(all, 'report-end')).toEqual([
      {
        type: 'report-end',
        end: {
          as: 'completed',
          reason: 'submitted (exit_cost)',
          reported: { turns: 2, tokens: 1_000, costNano: 500_000_000 },
          summary: { inputTokens: 900, outputTokens: 100 },
          extra: { submission: 'diff', model_stats: info.model_stats },
        },
      },
    ]);
    const ends = ['exit_cost', 'exit_error', 'exit_format', 'skipped'].map(
      (exit_status) =>
        reportsOf(read({ ...whole, info: { exit_status } }), 'report-end')[0]?.end.as,
    );
    expect(ends).toEqual(['terminated', 'error', 'error', 'interrupted']);
    expect(reportsOf(read({ ...whole, info: { exit_status: null } }), 'report-end')).toEqual([]);
  });

  it('takes from the trajectory what the history does not have', () => {
    const notes = reportsOf(all, 'report-note').map(({ note }) => note);
    expect(notes.map(({ kind }) => kind)).toEqual(['step', 'attempt']);
    const message = messagesOf(all)[4];
    expect(message?.extra).toMatchObject({ step: { state: { working_dir: '/repo' } } });
    const only = read({ trajectory, info });
    expect(faultsOf(only)).toEqual([]);
    expect(messagesOf(only).map(({ content }) => content)).toEqual(['I look.', 'x', 'r']);
    expect(reportsOf(only, 'report-tool-result')).toHaveLength(3);
  });

  it('that is longer begins with what the shorter one has', () => {
    for (let length = 2; length <= history.length; length += 1) {
      const part = read({ ...whole, history: history.slice(0, length), info: undefined });
      const ids = entriesOf(part).map(({ commandId }) => commandId);
      const known = entriesOf(all).map(({ commandId }) => commandId);
      // Its end says in its own way what the longer one has in the history.
      const same = ids.filter((id, nth) => known[nth] === id);
      expect(same.length).toBeGreaterThanOrEqual(length);
      const isResult = ({ report }: ImportedEntry) => report.type === 'report-tool-result';
      const [some, most] = [part, all].map((one) =>
        entriesOf(one.slice(0, same.length)).filter((entry) => !isResult(entry)),
      );
      expect(some).toEqual(most);
    }
  });

  it('loses no field', () => {
    const open = { ...whole, replay_config: replay };
    expect(lostFields(open, (value) => read(value))).toEqual([]);
  });

  it('goes on after what is none of it', () => {
    const odd = read({ ...whole, history: [null, 7, ...history] });
    expect(unreadableOf(odd)).toEqual(['history 0 is no object', 'history 1 is no object']);
    expect(messagesOf(odd)).toHaveLength(6);
  });

  it('survives whatever else is in it', () => {
    survivesMutations([whole, { ...whole, replay_config: replay }, { trajectory, info }], (value) =>
      read(value),
    );
  });

  it('is known from other documents', () => {
    expect([whole, { history }, { trajectory, info }].map((one) => sweAgent.detects(one))).toEqual([
      true,
      true,
      true,
    ]);
    expect(
      [{}, [], null, { history: [] }, { messages: history }].filter((one) => sweAgent.detects(one)),
    ).toEqual([]);
  });
});

interface Recorded {
  readonly history: readonly {
    role: string;
    content: string;
    action?: string;
    is_demo?: boolean;
    tool_calls?: { id: string }[] | null;
    tool_call_ids?: string[];
  }[];
  readonly trajectory?: readonly { observation: string; execution_time?: number }[];
}

const recorded = ['simple.traj', 'ctf-web.traj', 'marshmallow-1867.traj'].map(
  (name) => [name, recordedFile(`swe-agent/${name}`)] as const,
);

(recorded.every(([, path]) => path) ? describe : describe.skip)(
  'the recorded trajectories in ../shared/data/swe-agent',
  () => {
    it.each(recorded)('%s has every message, action and observation', (name, path) => {
      const value = JSON.parse(readFileSync(path ?? '', 'utf8')) as Recorded;
      const all = read(value, name);
      expect([faultsOf(all), unreadableOf(all)]).toEqual([[], []]);
      // Counted another way: what is an observation follows from what stands before it.
      const acts = value.history.filter(({ role, action }) => role === 'assistant' && action);
      const observations = value.history.filter(
        ({ role }, index) =>
          role === 'tool' || (role === 'user' && value.history[index - 1]?.action),
      );
      const unshown = acts.length - observations.length;
      const texts = value.history.filter((item) => !observations.includes(item));
      expect(messagesOf(all).map(({ content }) => content)).toEqual(
        texts.map(({ content }) => content),
      );
      expect(reportsOf(all, 'report-tool-call')).toHaveLength(acts.length);
      const results = reportsOf(all, 'report-tool-result').map(({ output }) => output?.text);
      const last = (value.trajectory ?? []).slice(-unshown).map(({ observation }) => observation);
      expect(results).toEqual([
        ...observations.map(({ content }) => content),
        ...(unshown > 0 ? last : []),
      ]);
      expect(reportsOf(all, 'report-note')).toEqual([]);
      const took = reportsOf(all, 'report-tool-result').map(({ finish }) => finish.durationMs ?? 0);
      const seconds = (value.trajectory ?? []).map(({ execution_time = 0 }) => execution_time);
      const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
      expect(sum(took)).toBeCloseTo(sum(seconds) * 1_000, 6);
    });

    it.each(recorded)('%s loses no text', (name, path) => {
      const text = readFileSync(path ?? '', 'utf8');
      const all = JSON.stringify(read(JSON.parse(text), name));
      const strings = (node: unknown): string[] =>
        typeof node === 'string'
          ? [node]
          : typeof node === 'object' && node !== null
            ? Object.values(node).flatMap(strings)
            : [];
      const lost = strings(JSON.parse(text)).filter(
        (one) => !all.includes(JSON.stringify(one.trim()).slice(1, -1)),
      );
      // Arguments of calls are kept as the values that they are the JSON of.
      expect(lost.filter((one) => !isJson(one))).toEqual([]);
    });
  },
);

const isJson = (text: string): boolean => {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
};
