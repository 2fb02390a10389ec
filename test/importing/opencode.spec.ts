import { opencode } from '../../src/importing/formats/opencode.ts';
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

const PDF = 'data:application/pdf;base64,JVBERi0=';
const at = (seconds: number) => 1_750_000_000_000 + seconds * 1_000;

const user = {
  info: {
    id: 'msg_1',
    sessionID: 'ses_1',
    role: 'user',
    time: { created: at(0) },
    agent: 'build',
    model: { providerID: 'anthropic', modelID: 'claude' },
  },
  parts: [
    { id: 'prt_1', messageID: 'msg_1', sessionID: 'ses_1', type: 'text', text: 'Read this' },
    { id: 'prt_2', type: 'file', mime: 'application/pdf', filename: 'a.pdf', url: PDF },
    { id: 'prt_3', type: 'file', mime: 'text/plain', filename: 'b.txt', url: 'file:///repo/b.txt' },
    { id: 'prt_4', type: 'text', text: 'and that', synthetic: true },
  ],
};

const tool = (callID: string, state: object) => ({
  id: `prt_${callID}`,
  messageID: 'msg_2',
  sessionID: 'ses_1',
  type: 'tool',
  callID,
  tool: 'bash',
  state,
});

const assistant = {
  info: {
    id: 'msg_2',
    sessionID: 'ses_1',
    role: 'assistant',
    time: { created: at(1), completed: at(9) },
    parentID: 'msg_1',
    modelID: 'claude-x',
    providerID: 'anthropic',
    mode: 'build',
    path: { cwd: '/repo', root: '/repo' },
    cost: 0.0123,
    tokens: { input: 100, output: 40, reasoning: 10, cache: { read: 1_000, write: 200 } },
    finish: 'tool-calls',
  },
  parts: [
    { id: 'prt_5', type: 'step-start', snapshot: 'abc' },
    { id: 'prt_6', type: 'reasoning', text: 'hm', time: { start: at(1), end: at(2) } },
    { id: 'prt_7', type: 'text', text: 'I look.', time: { start: at(2), end: at(3) } },
    tool('c1', {
      status: 'completed',
      input: { command: 'ls' },
      output: 'a.pdf',
      title: 'ls',
      metadata: { exit: 0 },
      time: { start: at(3), end: at(5) },
      attachments: [
        { type: 'file', mime: 'application/pdf', url: PDF },
        { url: 'https://example.org' },
      ],
    }),
    tool('c2', {
      status: 'error',
      input: { command: 'rm' },
      error: 'not allowed',
      time: { start: at(5), end: at(6) },
    }),
    tool('c3', { status: 'running', input: { command: 'sleep' }, time: { start: at(7) } }),
    { id: 'prt_8', type: 'patch', hash: 'def', files: ['a.ts'] },
    {
      id: 'prt_9',
      type: 'step-finish',
      reason: 'tool-calls',
      cost: 0.0123,
      tokens: { input: 100 },
    },
  ],
};

const failed = {
  info: {
    ...assistant.info,
    id: 'msg_3',
    time: { created: at(10) },
    error: { name: 'MessageAbortedError', data: { message: 'stopped' } },
    tokens: { total: 15, input: 5, output: 10, reasoning: 4, cache: { read: 0, write: 0 } },
  },
  parts: [],
};

const unfinished = {
  info: { ...assistant.info, id: 'msg_4', time: { created: at(20) }, cost: 0 },
  parts: [
    { id: 'prt_10', type: 'text', text: 'half a sen' },
    tool('c4', { status: 'pending', input: {}, raw: '{"com' }),
    tool('c5', { status: 'running', input: { command: 'x' }, time: { start: at(21) } }),
  ],
};

const whole = {
  info: {
    id: 'ses_1',
    title: 'A look',
    version: '1.0.1',
    directory: '/repo',
    time: { created: at(0), updated: at(30) },
  },
  messages: [user, assistant, failed],
  todos: [{ content: 'more', status: 'pending' }],
};

const read = (value: unknown) => readDocument(opencode, value);

describe('an export of opencode', () => {
  const all = read(whole);

  it('is read whole', () => {
    expect([faultsOf(all), unreadableOf(all)]).toEqual([[], []]);
    expect(entriesOf(all)[0]).toMatchObject({
      sessionId: 'ses_1',
      occurredAt: new Date(at(0)).toISOString(),
    });
    expect(reportsOf(all, 'report-start')[0]).toMatchObject({
      start: { name: 'A look', extra: { directory: '/repo', todos: whole.todos } },
      participants: [{ agentType: 'opencode', agentVersion: '1.0.1' }],
    });
    expect(messagesOf(all).map(({ role, content }) => [role, content])).toEqual([
      ['user', 'Read this\nand that'],
      ['assistant', 'I look.'],
      ['assistant', ''],
    ]);
  });

  it('counts tokens, cost and time of each answer', () => {
    const [, first, second] = messagesOf(all);
    expect(first).toMatchObject({
      model: 'claude-x',
      usage: { input: 100, output: 50 },
      tokens: 1_350,
      costNano: 12_300_000,
      durationMs: 8_000,
    });
    // Where there is a total it says that reasoning is within the output.
    expect(second).toMatchObject({ usage: { input: 5, output: 10 }, tokens: 15 });
  });

  it('has calls with their results and times', () => {
    const calls = reportsOf(all, 'report-tool-call').map(({ call }) => call);
    expect(
      calls.map(({ callId, tool: name, input, messageId }) => [callId, name, input, messageId]),
    ).toEqual([
      ['c1', 'bash', { command: 'ls' }, 'msg_2'],
      ['c2', 'bash', { command: 'rm' }, 'msg_2'],
      ['c3', 'bash', { command: 'sleep' }, 'msg_2'],
    ]);
    const results = reportsOf(all, 'report-tool-result');
    expect(
      results.map(({ output, finish }) => [output?.text, finish.outcome, finish.error]),
    ).toEqual([
      ['a.pdf', 'finished', undefined],
      [undefined, 'failed', 'not allowed'],
    ]);
    expect(results.map(({ finish }) => finish.durationMs)).toEqual([2_000, 1_000]);
  });

  it('keeps files, and fetches nothing', () => {
    const files = entriesOf(all).flatMap((entry) => entry.files ?? []);
    expect(files.map(({ type, name }) => [type, name])).toEqual([
      ['application/pdf', 'a.pdf'],
      ['application/pdf', undefined],
    ]);
    expect(JSON.stringify(all)).toContain('file:///repo/b.txt');
  });

  it('has a message once it is complete', () => {
    const early = read({ ...whole, messages: [...whole.messages, unfinished] });
    expect(faultsOf(early)).toEqual([]);
    expect(messagesOf(early)).toHaveLength(3);
    expect(JSON.stringify(reportsOf(early, 'report-note'))).toContain('half a sen');
    const calls = reportsOf(early, 'report-tool-call').map(({ call }) => call.callId);
    expect(calls).toEqual(['c1', 'c2', 'c3', 'c5']);
    const info = { ...unfinished.info, time: { created: at(20), completed: at(25) } };
    const later = read({ ...whole, messages: [...whole.messages, { ...unfinished, info }] });
    expect(messagesOf(later).at(-1)?.content).toBe('half a sen');
  });

  it('that is longer begins with what the shorter one has', () => {
    for (let length = 1; length < whole.messages.length; length += 1) {
      const part = read({ ...whole, messages: whole.messages.slice(0, length) });
      expect(part).toEqual(all.slice(0, part.length));
    }
  });

  it('loses no field', () => {
    expect(lostFields({ ...whole, messages: [...whole.messages, unfinished] }, read)).toEqual([]);
  });

  it('goes on after what is no message', () => {
    const odd = read({ ...whole, messages: [null, { parts: [] }, ...whole.messages] });
    expect(unreadableOf(odd)).toEqual(['message 0 has no info', 'message 1 has no info']);
    expect(messagesOf(odd)).toHaveLength(3);
  });

  it('survives whatever else is in it', () => {
    survivesMutations([whole, { ...whole, messages: [user, unfinished] }], read);
  });

  it('is known from other documents', () => {
    expect([whole, { info: {}, messages: [] }].map((one) => opencode.detects(one))).toEqual([
      true,
      true,
    ]);
    const others = [[], {}, null, { messages: [] }, { info: {}, messages: [{ role: 'user' }] }];
    expect(others.filter((one) => opencode.detects(one))).toEqual([]);
  });
});
