import { messageListDocument, messageListLines } from '../../src/importing/formats/message-list.ts';
import {
  entriesOf,
  faultsOf,
  lostFields,
  messagesOf,
  readDocument,
  readLines,
  reportsOf,
  survivesMutations,
  unreadableOf,
} from '../support/imported.ts';

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk' +
  '+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const messages = [
  { role: 'developer', content: 'Be brief.' },
  {
    role: 'user',
    name: 'ada',
    timestamp: 1_750_000_000.5,
    content: [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}`, detail: 'low' } },
      { type: 'image_url', image_url: { url: 'https://example.org/a.png' } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
      {
        type: 'file',
        file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERg==' },
      },
    ],
  },
  {
    role: 'assistant',
    content: null,
    model: 'gpt-4o',
    created_at: '2026-01-02T03:04:05Z',
    tool_calls: [
      { id: 'c1', type: 'function', function: { name: 'look', arguments: '{"at":"a.png"}' } },
      { id: 'c2', type: 'function', function: { name: 'look', arguments: 'not JSON' } },
      { id: 'c3', type: 'custom', custom: { name: 'shell', input: 'ls' } },
    ],
    usage: {
      prompt_tokens: 100,
      completion_tokens: 20,
      total_tokens: 120,
      prompt_tokens_details: { cached_tokens: 60 },
      completion_tokens_details: { reasoning_tokens: 5 },
    },
  },
  { role: 'tool', tool_call_id: 'c1', content: 'a pixel' },
  { role: 'tool', tool_call_id: 'c2', content: [{ type: 'text', text: 'nothing' }] },
  { role: 'tool', tool_call_id: 'c1', content: 'said again' },
  { role: 'tool', tool_call_id: 'c9', content: 'of a call that is not here' },
  {
    role: 'assistant',
    content: '',
    function_call: { name: 'old', arguments: '{}' },
    usage: { input_tokens: 7, output_tokens: 3, cache_read_input_tokens: 11 },
  },
  { role: 'function', name: 'old', content: 'the old way' },
  { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
];

const read = (value: unknown) => readDocument(messageListDocument, value, 'chat.json');
const linesOf = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value));

describe('a list of messages', () => {
  const all = read(messages);

  it('is read whole', () => {
    expect([faultsOf(all), unreadableOf(all)]).toEqual([[], []]);
    const posted = messagesOf(all);
    expect(posted.map(({ role, source }) => `${role} ${source}`)).toEqual([
      'system system',
      'user user',
      'assistant agent',
      'user tool',
      'assistant agent',
      'assistant agent',
    ]);
    expect(posted.map(({ content }) => content)).toEqual([
      'Be brief.',
      'What is this?',
      '',
      'said again',
      '',
      'No.',
    ]);
    expect(reportsOf(all, 'report-start')[0]?.start.name).toBe('chat');
  });

  it('keeps what its content holds as files, and fetches nothing', () => {
    const files = entriesOf(all).flatMap((entry) => entry.files ?? []);
    expect(files.map(({ type, name, content }) => [type, name, content.length])).toEqual([
      ['image/png', undefined, 70],
      ['audio/wav', undefined, 3],
      ['application/pdf', 'a.pdf', 4],
    ]);
    expect(messagesOf(all)[1]?.extra).toEqual({
      name: 'ada',
      content: [
        { index: 1, detail: 'low' },
        { index: 2, type: 'image_url', image_url: { url: 'https://example.org/a.png' } },
      ],
    });
  });

  it('counts tokens as the contract does', () => {
    const [, , first, , second] = messagesOf(all);
    expect(first).toMatchObject({
      usage: { input: 40, output: 20 },
      tokens: 120,
      model: 'gpt-4o',
    });
    expect(second).toMatchObject({ usage: { input: 7, output: 3 }, tokens: 21 });
  });

  it('gives each result to its call', () => {
    const calls = reportsOf(all, 'report-tool-call').map(({ call }) => call);
    expect(calls.map(({ callId, tool, input }) => [callId, tool, input])).toEqual([
      ['c1', 'look', { at: 'a.png' }],
      ['c2', 'look', 'not JSON'],
      ['c3', 'shell', 'ls'],
      ['old', 'old', {}],
    ]);
    const results = reportsOf(all, 'report-tool-result');
    expect(results.map(({ output, finish }) => [finish.callId, output?.text])).toEqual([
      ['c1', 'a pixel'],
      ['c2', 'nothing'],
      ['c9', 'of a call that is not here'],
      ['old', 'the old way'],
    ]);
  });

  it('has times where the file does', () => {
    const times = entriesOf(all).flatMap(({ occurredAt }) => occurredAt ?? []);
    expect(new Set(times)).toEqual(new Set(['2025-06-15T15:06:40.500Z', '2026-01-02T03:04:05Z']));
  });

  it('that is longer begins with what the shorter one has', () => {
    for (let length = 2; length < messages.length; length += 1) {
      const part = read(messages.slice(0, length));
      expect(part).toEqual(all.slice(0, part.length));
    }
  });

  it('is another session in another file, and where it begins otherwise', () => {
    const ids = [
      read(messages),
      read(messages.slice(1)),
      readDocument(messageListDocument, messages, 'other.json'),
    ].map((one) => entriesOf(one)[0]?.sessionId);
    expect(new Set(ids).size).toBe(3);
  });

  it('may stand in an object, whose other fields are the session’s', () => {
    const one = read({ model: 'gpt-4o', temperature: 0, messages });
    expect(reportsOf(one, 'report-start')[0]?.start).toEqual({
      name: 'chat',
      model: 'gpt-4o',
      extra: { temperature: 0 },
    });
    expect(messagesOf(one)).toEqual(messagesOf(all));
  });

  it('loses no field', () => {
    expect(lostFields({ kind: 'x', messages }, read)).toEqual([]);
  });

  it('goes on after what is no message', () => {
    const odd = read([null, 'text', { role: 'bot', content: 'beep' }, ...messages]);
    expect(unreadableOf(odd)).toEqual(['message 0 is no object', 'message 1 is no object']);
    expect(messagesOf(odd)[0]).toMatchObject({ role: 'system', extra: { role: 'bot' } });
    expect(messagesOf(odd)).toHaveLength(7);
  });

  it('survives whatever else is in it', () => {
    survivesMutations([messages, { model: 'm', messages }], read);
  });

  it('is known from other documents', () => {
    expect([messages, { messages }].map((one) => messageListDocument.detects(one))).toEqual([
      true,
      true,
    ]);
    const others = [[], {}, null, 'x', { messages: [] }, { messages: [{ info: {}, parts: [] }] }];
    expect(others.filter((one) => messageListDocument.detects(one))).toEqual([]);
  });
});

describe('lines of messages', () => {
  it('are one session, the same as the list of them', () => {
    const { read: lines, end } = readLines(messageListLines, linesOf(messages), 'chat.json');
    expect(end).toEqual([]);
    expect(lines).toEqual(read(messages));
  });

  it('are read when there is one', () => {
    const { end } = readLines(messageListLines, linesOf(messages.slice(0, 1)), 'chat.json');
    expect(messagesOf(end)).toHaveLength(1);
  });

  it('may each be a session, known by what is in it', () => {
    const sessions = [{ messages }, { messages: messages.slice(0, 3), tag: 'x' }, { messages }];
    const { read: lines } = readLines(messageListLines, linesOf(sessions));
    expect(faultsOf(lines)).toEqual([]);
    const ids = entriesOf(lines)
      .filter(({ report }) => report.type === 'report-start')
      .map(({ sessionId }) => sessionId);
    expect([ids.length, new Set(ids).size, ids[0] === ids[2]]).toEqual([3, 2, true]);
  });

  it('survive whatever else is in them', () => {
    const values = [...messages, { messages }];
    survivesMutations(values, (_, text) => {
      const { read: lines, end } = readLines(messageListLines, [text, '{}']);
      return [...lines, ...end];
    });
  });

  it('are known from lines of other kinds', () => {
    expect(messages.filter((message) => !messageListLines.detects(message))).toEqual([]);
    const others = [{ type: 'message', role: 'user', content: [] }, { role: 'user' }, [], null];
    expect(others.filter((one) => messageListLines.detects(one))).toEqual([]);
  });
});
