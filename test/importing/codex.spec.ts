import { codex } from '../../src/importing/formats/codex.ts';
import {
  counted,
  event,
  ID,
  item,
  line,
  readRollout as read,
  readTexts,
  said,
  sums,
  tokens,
} from '../support/codex-lines.ts';
import {
  entriesOf,
  faultsOf,
  lostFields,
  messagesOf,
  reportsOf,
  survivesMutations,
  unreadableOf,
} from '../support/imported.ts';

const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';

const rollout = [
  line('session_meta', {
    id: ID,
    timestamp: '2026-01-02T03:04:05Z',
    cwd: '/repo',
    originator: 'codex_cli_rs',
    cli_version: '0.60.0',
    git: { branch: 'main' },
  }),
  said('user', '<environment_context>\n  <cwd>/repo</cwd>\n</environment_context>'),
  item({ type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Be safe.' }] }),
  item({
    type: 'message',
    role: 'user',
    content: [
      { type: 'input_text', text: 'Look at this' },
      { type: 'input_image', image_url: PIXEL },
    ],
  }),
  event({ type: 'user_message', message: 'Look at this', images: [], kind: 'plain' }),
  line('turn_context', { cwd: '/repo', model: 'gpt-5-codex', effort: 'high' }),
  event({ type: 'task_started', model_context_window: 9 }),
  item({
    type: 'reasoning',
    summary: [{ type: 'summary_text', text: '**Thinking**' }],
    encrypted_content: 'xyz',
  }),
  event({ type: 'agent_reasoning', text: '**Thinking**' }),
  said('assistant', 'I run ls.'),
  event({ type: 'agent_message', message: 'I run ls.' }),
  item({ type: 'function_call', name: 'shell', arguments: '{"command":["ls"]}', call_id: 'c1' }),
  counted(tokens(1_000, 600, 50, 20), tokens(1_000, 600, 50, 20)),
  counted(tokens(1_000, 600, 50, 20), tokens(1_000, 600, 50, 20)),
  item({
    type: 'function_call_output',
    call_id: 'c1',
    output: '{"output":"a.ts\\n","metadata":{"exit_code":2,"duration_seconds":1.5}}',
  }),
  item({
    type: 'custom_tool_call',
    name: 'apply_patch',
    input: '*** Begin',
    call_id: 'c2',
    status: 'completed',
  }),
  item({
    type: 'custom_tool_call_output',
    call_id: 'c2',
    output: 'Exit code: 0\nWall time: 0.1 seconds\nOutput:\nok',
  }),
  item({
    type: 'local_shell_call',
    call_id: 'c3',
    status: 'completed',
    action: { type: 'exec', command: ['pwd'] },
  }),
  item({
    type: 'function_call_output',
    call_id: 'c3',
    output: { content: '/repo', success: false },
  }),
  item({
    type: 'web_search_call',
    id: 'ws1',
    status: 'completed',
    action: { type: 'search', query: 'q' },
  }),
  item({ type: 'function_call', name: 'view_image', arguments: 'not JSON', call_id: 'c4' }),
  item({
    type: 'function_call_output',
    call_id: 'c4',
    output: [{ type: 'input_image', image_url: PIXEL }],
  }),
  counted(tokens(2_500, 1_600, 90, 30), tokens(1_500, 1_000, 40, 10)),
  event({ type: 'agent_message', message: 'Done.' }),
  counted(tokens(4_500, 1_600, 100, 30)),
  said('assistant', 'Done.'),
  event({ type: 'thread_name_updated', thread_name: 'A look' }),
  event({ type: 'turn_aborted', reason: 'interrupted' }),
  line('compacted', { message: 'so far' }),
  event({ type: 'error', message: 'stream lost' }),
  { timestamp: 'never', type: 'of_tomorrow', payload: { more: 1 } },
];

describe('a rollout of Codex', () => {
  const all = read(rollout);
  const texts = (entries = all) => messagesOf(entries).filter(({ content }) => content !== '');

  it('is read whole', () => {
    expect([faultsOf(all), unreadableOf(all)]).toEqual([[], []]);
    expect(new Set(entriesOf(all).map(({ sessionId }) => sessionId))).toEqual(new Set([ID]));
    const [start] = reportsOf(all, 'report-start');
    expect(start?.start.extra).toMatchObject({ cwd: '/repo', git: { branch: 'main' } });
    expect(start?.participants[0]).toMatchObject({ agentType: 'codex', cliVersion: '0.60.0' });
    expect(entriesOf(all)[0]?.occurredAt).toBe('2026-01-02T03:04:05Z');
  });

  it('has each message once, though two lines say it', () => {
    expect(texts().map(({ source, content }) => [source, content])).toEqual([
      [
        'orchestrator',
        rollout[1] && '<environment_context>\n  <cwd>/repo</cwd>\n</environment_context>',
      ],
      ['system', 'Be safe.'],
      ['user', 'Look at this'],
      ['agent', 'I run ls.'],
      ['agent', 'Done.'],
    ]);
    expect(texts()[3]?.model).toBe('gpt-5-codex');
    const files = entriesOf(all).filter((entry) => entry.files?.length);
    expect(files.map(({ report }) => report.type)).toEqual([
      'report-message',
      'report-tool-result',
    ]);
  });

  it('has a message twice that was said twice', () => {
    const again = [
      ...rollout,
      said('user', 'ok'),
      event({ type: 'user_message', message: 'ok' }),
      said('user', 'ok'),
      event({ type: 'user_message', message: 'ok' }),
    ];
    expect(texts(read(again)).filter(({ content }) => content === 'ok')).toHaveLength(2);
  });

  it('has calls with their results', () => {
    const calls = reportsOf(all, 'report-tool-call').map(({ call }) => call);
    expect(calls.map(({ callId, tool, input }) => [callId, tool, input])).toEqual([
      ['c1', 'shell', { command: ['ls'] }],
      ['c2', 'apply_patch', '*** Begin'],
      ['c3', 'shell', { type: 'exec', command: ['pwd'] }],
      ['ws1', 'web_search', { type: 'search', query: 'q' }],
      ['c4', 'view_image', 'not JSON'],
    ]);
    const results = reportsOf(all, 'report-tool-result');
    expect(
      results.map(({ finish, output }) => [
        ...[finish.callId, finish.outcome, finish.exitCode, finish.durationMs, output?.text],
      ]),
    ).toEqual([
      ['c1', 'failed', 2, 1_500, 'a.ts\n'],
      ['c2', 'finished', 0, 100, 'Exit code: 0\nWall time: 0.1 seconds\nOutput:\nok'],
      ['c3', 'failed', undefined, undefined, '/repo'],
      ['ws1', 'finished', undefined, undefined, undefined],
      ['c4', 'finished', undefined, undefined, undefined],
    ]);
  });

  it('counts what each answer took, not what stands on the counter', () => {
    // 400 + 500 + 2,000 of input beside 1,600 read from the cache, as the last total says.
    expect(sums(all)).toEqual({ tokens: 4_600, input: 2_900, output: 100 });
  });

  it('counts from random counters what a sum of the answers says', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      let [state, input, output] = [seed, 0, 0];
      const random = (below: number): number => {
        state = (state * 48_271) % 2_147_483_647;
        return state % below;
      };
      const lines: unknown[] = [rollout[0]];
      for (let answer = 0; answer < 20; answer += 1) {
        const [more, made] = [random(1_000) + 1, random(100)];
        [input, output] = [input + more, output + made];
        const total = tokens(input, 0, output, 0);
        const last = random(3) > 0 ? tokens(more, 0, made, 0) : undefined;
        for (let times = random(3); times >= 0; times -= 1) lines.push(counted(total, last));
      }
      expect(sums(read(lines))).toEqual({ tokens: input + output, input, output });
    }
  });

  it('keeps everything else as notes, names and errors', () => {
    expect(reportsOf(all, 'report-note').map(({ note }) => note.kind)).toEqual([
      'turn_context',
      'task_started',
      'reasoning',
      'agent_reasoning',
      'token_count',
      'turn_aborted',
      'compacted',
      'of_tomorrow',
    ]);
    expect(reportsOf(all, 'report-name')).toEqual([{ type: 'report-name', name: 'A look' }]);
    expect(reportsOf(all, 'report-error')[0]?.error.message).toBe('stream lost');
  });

  it('that is longer begins with what the shorter one has', () => {
    for (let length = 1; length < rollout.length; length += 1) {
      const part = read(rollout.slice(0, length));
      expect(part).toEqual(all.slice(0, part.length));
    }
  });

  it('has a line once that is written twice', () => {
    const twice = rollout.flatMap((one) => [one, one]);
    const ids = (entries: typeof all) => [...new Set(entriesOf(entries).map((e) => e.commandId))];
    expect(ids(read(twice)).filter((one) => !ids(all).includes(one))).toEqual([]);
  });

  it('loses no field', () => {
    expect(lostFields(rollout, (value) => read(value as unknown[]))).toEqual([]);
  });

  it('survives whatever else is in it', () => {
    const texts = rollout.map((one) => JSON.stringify(one));
    survivesMutations(rollout, (_, text) => readTexts([...texts.slice(0, 5), text, ...texts]));
  });
});

describe('an older rollout of Codex', () => {
  const bare = [
    { id: ID, timestamp: '2025-07-01T00:00:00.000Z', instructions: null, git: { branch: 'main' } },
    { record_type: 'state' },
    { type: 'message', id: null, role: 'user', content: [{ type: 'input_text', text: 'ok' }] },
    { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'x' },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Yes.' }] },
    {
      type: 'function_call',
      id: 'fc_1',
      name: 'shell',
      arguments: '{"command":["ls"]}',
      call_id: 'c1',
    },
    {
      type: 'function_call_output',
      call_id: 'c1',
      output: '{"output":"a","metadata":{"exit_code":0}}',
    },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'ok' }] },
  ];

  it('is read whole, with what was said twice', () => {
    const all = read(bare, 'rollout.jsonl');
    expect([faultsOf(all), unreadableOf(all)]).toEqual([[], []]);
    expect(messagesOf(all).map(({ content }) => content)).toEqual(['ok', 'Yes.', 'ok']);
    expect(reportsOf(all, 'report-tool-result')[0]?.finish.exitCode).toBe(0);
    expect(reportsOf(all, 'report-note').map(({ note }) => note.kind)).toEqual([
      'state',
      'reasoning',
    ]);
  });

  it('has the id in its name where its first line is missing', () => {
    const all = read(bare.slice(2));
    expect(entriesOf(all)[0]?.sessionId).toBe(ID);
    expect(entriesOf(read(bare.slice(2), 'x.jsonl'))[0]?.sessionId).not.toBe(ID);
  });

  it('survives whatever else is in it', () => {
    const texts = bare.map((one) => JSON.stringify(one));
    survivesMutations(bare, (_, text) => readTexts([...texts.slice(0, 5), text, ...texts]));
  });

  it('and one of today are known from lines of other kinds', () => {
    expect([...bare, ...rollout.slice(0, -1)].filter((one) => !codex.detects(one))).toEqual([]);
    const others = [
      { type: 'user', uuid: 'x', message: { role: 'user', content: 'Claude Code' } },
      { role: 'user', content: 'a message list' },
      ...[{}, [], null, 'x', { type: 'session.started', data: {} }],
    ];
    expect(others.filter((one) => codex.detects(one))).toEqual([]);
  });
});
