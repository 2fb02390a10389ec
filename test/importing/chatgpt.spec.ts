import { chatGpt } from '../../src/importing/formats/chatgpt.ts';
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

const at = 1_750_000_000.25;

/** Nodes in a row, each the child of the one before; `message` may be left out. */
const node = (id: string, parent: string | null, children: string[], message?: object) => ({
  id,
  parent,
  children,
  ...(message && { message: { id, create_time: at, weight: 1, recipient: 'all', ...message } }),
});

const text = (role: string, ...parts: unknown[]) => ({
  author: { role },
  content: { content_type: 'text', parts },
});

const mapping = {
  root: node('root', null, ['sys']),
  sys: node('sys', 'root', ['old', 'ask'], {
    ...text('system', ''),
    metadata: { is_visually_hidden_from_conversation: true },
  }),
  old: node('old', 'sys', ['old-answer'], text('user', 'Before the edit')),
  'old-answer': node('old-answer', 'old', [], text('assistant', 'An old answer')),
  ask: node('ask', 'sys', ['think'], {
    author: { role: 'user' },
    content: {
      content_type: 'multimodal_text',
      parts: [
        { content_type: 'image_asset_pointer', asset_pointer: 'file-service://f1', width: 3 },
        'What is this?',
        { content_type: 'audio_transcription', text: 'spoken' },
      ],
    },
  }),
  think: node('think', 'ask', ['call'], {
    author: { role: 'assistant' },
    content: { content_type: 'thoughts', thoughts: [{ summary: 'Look', content: 'hm' }] },
  }),
  call: node('call', 'think', ['result'], {
    author: { role: 'assistant' },
    recipient: 'python',
    content: { content_type: 'code', language: 'python', text: 'print(1)' },
    metadata: { model_slug: 'gpt-x' },
  }),
  result: node('result', 'call', ['more'], {
    author: { role: 'tool', name: 'python' },
    content: { content_type: 'execution_output', text: '1' },
    metadata: { aggregate_result: { status: 'success' } },
  }),
  more: node('more', 'result', ['answer'], {
    author: { role: 'tool', name: 'python' },
    content: {
      content_type: 'tether_quote',
      url: 'https://example.org',
      title: 'T',
      text: 'quoted',
    },
  }),
  answer: node('answer', 'more', [], {
    ...text('assistant', 'A pixel.'),
    metadata: { model_slug: 'gpt-x', finish_details: { type: 'stop' } },
    update_time: at + 1,
  }),
};

const conversation = {
  id: 'c-1',
  conversation_id: 'c-1',
  title: 'A look',
  create_time: at,
  update_time: at + 9,
  mapping,
  current_node: 'answer',
  default_model_slug: 'gpt-x',
  is_archived: false,
};

const read = (value: unknown) => readDocument(chatGpt, value, 'conversations.json');

describe('an export of ChatGPT', () => {
  const all = read([conversation]);

  it('is read whole', () => {
    expect([faultsOf(all), unreadableOf(all)]).toEqual([[], []]);
    expect(entriesOf(all)[0]).toMatchObject({
      sessionId: 'c-1',
      occurredAt: new Date(at * 1_000).toISOString(),
      report: { start: { name: 'A look', model: 'gpt-x', extra: { is_archived: false } } },
    });
    expect(messagesOf(all).find(({ messageId }) => messageId === 'answer')).toMatchObject({
      role: 'assistant',
      model: 'gpt-x',
      extra: { metadata: { finish_details: { type: 'stop' } } },
    });
  });

  it('has the branch that was shown last first, and marks the others', () => {
    expect(messagesOf(all).map(({ content, extra }) => [content, extra?.branch])).toEqual([
      ['What is this?\nspoken', undefined],
      ['quoted', undefined],
      ['A pixel.', undefined],
      ['Before the edit', true],
      ['An old answer', true],
    ]);
    expect(messagesOf(all).at(-1)?.extra).toMatchObject({ branch: true, parent: 'old' });
  });

  it('has what went to tools as calls, and the first answer as result', () => {
    expect(reportsOf(all, 'report-tool-call')[0]?.call).toMatchObject({
      callId: 'call',
      tool: 'python',
      input: 'print(1)',
      extra: { contentType: 'code', content: { language: 'python' } },
    });
    expect(reportsOf(all, 'report-tool-result')).toMatchObject([
      { output: { callId: 'call', text: '1' }, finish: { outcome: 'finished' } },
    ]);
    expect(messagesOf(all)[1]).toMatchObject({ source: 'tool', content: 'quoted' });
  });

  it('keeps thoughts and what is hidden as notes', () => {
    const notes = reportsOf(all, 'report-note').map(({ note }) => note.kind);
    expect(notes).toEqual(['text', 'thoughts']);
    expect(JSON.stringify(all)).toContain('file-service://f1');
  });

  it('reads every node once, whatever its links say', () => {
    const circle = {
      a: node('a', 'b', ['b', 'a', '__proto__'], text('user', 'a')),
      b: node('b', 'a', ['a', 'nowhere'], text('assistant', 'b')),
      c: node('c', 'nowhere', [], text('user', 'c')),
    };
    for (const current_node of ['a', 'nowhere', null, '__proto__', 'toString']) {
      const odd = read({ ...conversation, mapping: circle, current_node });
      expect(faultsOf(odd)).toEqual([]);
      const contents = messagesOf(odd).map(({ content }) => content);
      expect([...contents].sort()).toEqual(['a', 'b', 'c']);
    }
  });

  it('reads a conversation of many nodes', () => {
    const count = 20_000;
    const long = Object.fromEntries(
      Array.from({ length: count }, (_, nth) => [
        `n${nth}`,
        node(`n${nth}`, nth > 0 ? `n${nth - 1}` : null, [`n${nth + 1}`], text('user', `${nth}`)),
      ]),
    );
    const texts = messagesOf(
      read({ ...conversation, mapping: long, current_node: `n${count - 1}` }),
    );
    expect(texts).toHaveLength(count);
    expect(texts.every(({ content }, nth) => content === `${nth}`)).toBe(true);
  });

  it('that is longer begins with what the shorter one has', () => {
    const { answer: _, ...shorter } = mapping;
    const part = read([{ ...conversation, mapping: shorter, current_node: 'more' }]);
    const ids = entriesOf(all).map(({ commandId }) => commandId);
    expect(entriesOf(part).filter(({ commandId }) => !ids.includes(commandId))).toEqual([]);
  });

  it('loses no field', () => {
    expect(lostFields([conversation], read, [/mapping$/])).toEqual([]);
  });

  it('goes on after what is no conversation or message', () => {
    const broken = { ...mapping, x: { id: 'x', parent: 'root', children: [], message: 7 } };
    const odd = read([null, { id: 'x' }, { ...conversation, mapping: broken }]);
    expect(unreadableOf(odd)).toEqual([
      'conversation 0 has no mapping',
      'conversation 1 has no mapping',
      'node x holds a message that is no object',
    ]);
    expect(messagesOf(odd)).toHaveLength(5);
  });

  it('survives whatever else is in it', () => {
    survivesMutations([[conversation], conversation], read);
  });

  it('is known from other documents', () => {
    expect([[conversation], conversation].map((one) => chatGpt.detects(one))).toEqual([true, true]);
    expect(
      [[], {}, null, 'x', [{ chat_messages: [] }], { mapping: 1 }].filter((one) =>
        chatGpt.detects(one),
      ),
    ).toEqual([]);
  });
});
