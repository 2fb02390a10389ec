import { claudeAi } from '../../src/importing/formats/claude-ai.ts';
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

const time = (second: number) => `2026-01-02T03:04:${String(second).padStart(2, '0')}.123456+00:00`;

const asked = {
  uuid: 'm-1',
  sender: 'human',
  text: 'What is this?',
  content: [{ type: 'text', text: 'What is this?', citations: [] }],
  created_at: time(1),
  updated_at: time(1),
  attachments: [
    { file_name: 'a.csv', file_type: 'text/csv', file_size: 3, extracted_content: 'a,b' },
    { file_name: 'b', file_type: 'txt', file_size: 3, extracted_content: 'ccc' },
    { file_name: 'c.bin', file_type: 'bin', file_size: 9 },
  ],
  files: [{ file_name: 'photo.jpg', file_uuid: 'f-1' }],
};

const answered = {
  uuid: 'm-2',
  sender: 'assistant',
  text: 'I look. ```This block is not supported```',
  content: [
    { type: 'thinking', thinking: 'hm', start_timestamp: time(2) },
    { type: 'text', text: 'I look.', citations: [{ url: 'https://example.org' }] },
    { type: 'tool_use', id: 'tu-1', name: 'search', input: { q: 'x' }, start_timestamp: time(3) },
    {
      type: 'tool_result',
      tool_use_id: 'tu-1',
      name: 'search',
      content: [{ type: 'text', text: 'found' }],
      is_error: false,
      stop_timestamp: time(4),
    },
    { type: 'tool_use', id: null, name: 'artifacts', input: { title: 'A' } },
    { type: 'tool_result', tool_use_id: null, name: 'artifacts', content: 'OK', is_error: true },
    { type: 'token_budget', remaining: 5 },
  ],
  created_at: time(2),
  updated_at: time(5),
  attachments: [],
  files: [],
  parent_message_uuid: 'm-1',
};

const older = { uuid: 'm-3', sender: 'human', text: 'Only text.', created_at: time(6) };

const conversation = {
  uuid: 'c-1',
  name: 'A look',
  summary: 'They look.',
  created_at: time(0),
  updated_at: time(9),
  account: { uuid: 'a-1' },
  chat_messages: [asked, answered, older],
};

const another = { uuid: 'c-2', name: '', created_at: time(0), chat_messages: [older] };

const read = (value: unknown) => readDocument(claudeAi, value, 'conversations.json');

describe('an export of claude.ai', () => {
  const all = read([conversation, another]);

  it('is read whole, a session for each conversation', () => {
    expect([faultsOf(all), unreadableOf(all)]).toEqual([[], []]);
    expect([...new Set(entriesOf(all).map(({ sessionId }) => sessionId))]).toEqual(['c-1', 'c-2']);
    expect(reportsOf(all, 'report-start')[0]).toMatchObject({
      start: { name: 'A look', extra: { summary: 'They look.' } },
      participants: [{ participantId: 'a-1', kind: 'user' }, { participantId: 'claude' }],
    });
    expect(messagesOf(all).map(({ source, content }) => [source, content])).toEqual([
      ['user', 'What is this?'],
      ['agent', 'I look.'],
      ['user', 'Only text.'],
      ['user', 'Only text.'],
    ]);
    expect(messagesOf(all)[0]?.participantId).toBe('a-1');
    expect(entriesOf(all)[1]?.occurredAt).toBe(time(1));
  });

  it('keeps attached texts as files, and what is elsewhere by name', () => {
    const files = entriesOf(all).flatMap((entry) => entry.files ?? []);
    expect(files.map(({ type, name, content }) => [type, name, content.toString()])).toEqual([
      ['text/csv', 'a.csv', 'a,b'],
      ['text/plain', 'b', 'ccc'],
    ]);
    expect(messagesOf(all)[0]?.extra).toMatchObject({
      files: asked.files,
      attached: [{ file_size: 3 }, { file_size: 3, file_type: 'txt' }, { file_name: 'c.bin' }],
    });
  });

  it('gives each result to its call, where calls have no ids too', () => {
    const calls = reportsOf(all, 'report-tool-call').map(({ call }) => call);
    expect(calls.map(({ tool, input, messageId }) => [tool, input, messageId])).toEqual([
      ['search', { q: 'x' }, 'm-2'],
      ['artifacts', { title: 'A' }, 'm-2'],
    ]);
    const results = reportsOf(all, 'report-tool-result');
    expect(
      results.map(({ finish, output }) => [finish.callId, finish.outcome, output?.text]),
    ).toEqual([
      ['tu-1', 'finished', 'found'],
      [calls[1]?.callId, 'failed', 'OK'],
    ]);
    const times = entriesOf(all).filter(({ report }) => report.type.startsWith('report-tool'));
    expect(times.slice(0, 2).map(({ occurredAt }) => occurredAt)).toEqual([time(3), time(4)]);
  });

  it('has what Claude thought and the other blocks beside the text', () => {
    expect(messagesOf(all)[1]?.extra).toMatchObject({
      text: answered.text,
      thinking: [{ type: 'thinking', thinking: 'hm' }],
      parts: [
        { citations: [{ url: 'https://example.org' }] },
        { type: 'token_budget', remaining: 5 },
      ],
      parent_message_uuid: 'm-1',
    });
  });

  it('has a message once that is there twice, and both where they differ', () => {
    const twice = read({
      ...conversation,
      chat_messages: [older, older, { ...older, text: 'Other.' }],
    });
    expect(faultsOf(twice)).toEqual([]);
    expect(messagesOf(twice).map(({ content }) => content)).toEqual(['Only text.', 'Other.']);
  });

  it('may be one conversation', () => {
    expect(read(conversation)).toEqual(read([conversation]));
  });

  it('that is longer begins with what the shorter one has', () => {
    for (let length = 1; length < 3; length += 1) {
      const part = read({
        ...conversation,
        chat_messages: conversation.chat_messages.slice(0, length),
      });
      expect(part).toEqual(all.slice(0, part.length));
    }
  });

  it('loses no field', () => {
    expect(lostFields([conversation, another], read)).toEqual([]);
  });

  it('goes on after what is no conversation or message', () => {
    const odd = read([
      null,
      { uuid: 'x' },
      { ...conversation, chat_messages: [3, ...conversation.chat_messages] },
    ]);
    expect(unreadableOf(odd)).toEqual([
      'conversation 0 has no chat_messages',
      'conversation 1 has no chat_messages',
      'message 0 is no object',
    ]);
    expect(messagesOf(odd)).toHaveLength(3);
  });

  it('survives whatever else is in it', () => {
    survivesMutations([[conversation, another]], read);
  });

  it('is known from other documents', () => {
    expect([[conversation], conversation].map((one) => claudeAi.detects(one))).toEqual([
      true,
      true,
    ]);
    expect(
      [[], {}, null, 'x', [{ mapping: {} }], { messages: [] }].filter((one) =>
        claudeAi.detects(one),
      ),
    ).toEqual([]);
  });
});
