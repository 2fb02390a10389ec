import { entriesOf, reportsOf } from '../support/imported.ts';
import { jsonLines, readingOf } from '../support/imports.ts';

const at = '2026-01-01T00:00:00.000Z';
const base = { sessionId: 's-1', timestamp: at, cwd: '/work', version: '2.0.1' };

const user = (uuid: string, content: unknown, more: object = {}) => ({
  ...{ ...base, type: 'user', uuid, message: { role: 'user', content } },
  ...more,
});

const assistant = (
  uuid: string,
  id: string,
  content: unknown,
  usage: object,
  more: object = {},
) => ({
  ...{ ...base, type: 'assistant', uuid },
  message: { id, role: 'assistant', model: 'claude-x', content, usage },
  ...more,
});

const text = (words: string) => ({ type: 'text', text: words });

const read = async (...rows: unknown[]) => entriesOf((await readingOf(jsonLines(...rows))).read);

describe('a Claude Code transcript', () => {
  it('has its session, its messages, and the calls with what became of them', async () => {
    const entries = await read(
      user('u1', 'List files', { parentUuid: null }),
      assistant(
        'a1',
        'm1',
        [text('I look.'), { type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'ls' } }],
        {
          ...{ input_tokens: 10, output_tokens: 5 },
          ...{ cache_read_input_tokens: 100, cache_creation_input_tokens: 7 },
        },
      ),
      user('u2', [{ type: 'tool_result', tool_use_id: 't1', content: [text('a.txt')] }], {
        toolUseResult: { stdout: 'a.txt', interrupted: false },
      }),
      user('u3', [{ type: 'tool_result', tool_use_id: 't2', content: 'no', is_error: true }]),
    );
    const [start] = reportsOf(entries, 'report-start');
    expect(start).toMatchObject({ start: { prompt: 'List files' } });
    const messages = reportsOf(entries, 'report-message').map(({ message }) => message);
    expect(messages.map(({ role, source, content }) => [role, source, content])).toEqual([
      ['user', 'user', 'List files'],
      ['assistant', 'agent', 'I look.'],
    ]);
    expect(messages[1]).toMatchObject({ messageId: 'a1', model: 'claude-x', tokens: 122 });
    expect(reportsOf(entries, 'report-tool-call')[0]?.call).toMatchObject({
      ...{ callId: 't1', tool: 'Bash', input: { command: 'ls' }, messageId: 'a1' },
    });
    const results = reportsOf(entries, 'report-tool-result');
    expect(results.map(({ output, finish }) => [output?.text, finish.outcome])).toEqual([
      ['a.txt', 'finished'],
      ['no', 'failed'],
    ]);
    expect(results[0]?.finish.extra).toEqual({
      toolUseResult: { stdout: 'a.txt', interrupted: false },
    });
    expect(entries.every(({ occurredAt }) => occurredAt === at)).toBe(true);
  });

  it('counts the tokens of a message once, in however many rows it comes', async () => {
    const usage = (output: number) => ({ input_tokens: 3, output_tokens: output });
    const rows = [
      assistant('a1', 'm1', [{ type: 'thinking', thinking: 'Hm.' }], usage(1)),
      assistant('a2', 'm1', [text('Well,')], usage(1)),
      user('u1', [{ type: 'tool_result', tool_use_id: 't0', content: 'late' }]),
      assistant('a3', 'm1', [{ type: 'tool_use', id: 't1', name: 'Read', input: {} }], usage(40)),
      assistant('a4', 'm1', [{ type: 'tool_use', id: 't2', name: 'Read', input: {} }], usage(40)),
      assistant('a5', 'm2', [text('Done.')], usage(2)),
    ];
    const tokens = async (count: number): Promise<number> =>
      reportsOf(await read(...rows.slice(0, count)), 'report-message').reduce(
        (sum, { message }) => sum + (message.tokens ?? 0),
        0,
      );
    expect(await tokens(6)).toBe(3 + 40 + 3 + 2);
    // A file that ends amid a message has what was counted until then.
    expect(await tokens(2)).toBe(4);
    const messages = reportsOf(await read(...rows), 'report-message');
    expect(messages.map(({ message }) => message.content)).toEqual(['', 'Well,', '', 'Done.']);
    expect(messages[0]?.message.extra).toMatchObject({ thinking: [{ thinking: 'Hm.' }] });
  });

  it('takes content as a text or as blocks, and keeps blocks it does not know', async () => {
    const entries = await read(
      assistant('a1', 'm1', 'plain', {}),
      assistant('a2', 'm2', [text('one'), { type: 'hologram', of: 'a cat' }, 'two'], {}),
    );
    const [first, second] = reportsOf(entries, 'report-message');
    expect(first?.message.content).toBe('plain');
    expect(second?.message.content).toBe('one\n\ntwo');
    expect(second?.message.extra).toMatchObject({ blocks: [{ type: 'hologram', of: 'a cat' }] });
  });

  it('gives images as files and not as text', async () => {
    const image = (data: string) => ({
      ...{ type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
    });
    const [prompt, , result] = (
      await read(
        user('u1', [text('What is it?'), image('aGk=')]),
        user('u2', [{ type: 'tool_result', tool_use_id: 't1', content: [image('eW91')] }]),
      )
    ).slice(1);
    expect(prompt?.files).toEqual([{ type: 'image/png', content: Buffer.from('hi') }]);
    expect(JSON.stringify(prompt?.report)).not.toContain('aGk=');
    expect(result ?? prompt).toBeDefined();
    const results = (
      await read(user('u2', [{ type: 'tool_result', tool_use_id: 't1', content: [image('eW91')] }]))
    ).at(-1);
    expect(results?.files).toEqual([{ type: 'image/png', content: Buffer.from('you') }]);
  });

  it('counts once what a fork repeats of its parent', async () => {
    const usage = { input_tokens: 5, output_tokens: 5 };
    const forked = { forkedFrom: { sessionId: 's-0', messageUuid: 'a1' } };
    const entries = await read(
      assistant('a1', 'm1', [text('Before.')], usage, forked),
      assistant('a2', 'm2', [text('After.')], usage),
    );
    const messages = reportsOf(entries, 'report-message').map(({ message }) => message);
    expect(messages.map(({ content, tokens }) => [content, tokens])).toEqual([
      ['Before.', undefined],
      ['After.', 10],
    ]);
    expect(messages[0]?.extra).toMatchObject(forked);
  });

  it('says of a prompt that it took the place of another, and bears a parent that is nowhere', async () => {
    const entries = await read(
      user('u1', 'Frist', { parentUuid: 'a0' }),
      user('u2', 'First', { parentUuid: 'a0' }),
    );
    const [first, second] = reportsOf(entries, 'report-message');
    expect(first?.message.extra).not.toHaveProperty('edits');
    expect(second?.message.extra).toMatchObject({ parentUuid: 'a0', edits: 'u1' });
  });

  it('has a sub-agent as somebody of its own in the session of its parent', async () => {
    const side = { isSidechain: true, agentId: 'f00' };
    const entries = await read(
      user('u1', 'Look into it', side),
      assistant('a1', 'm1', [text('I did.')], {}, side),
    );
    expect(new Set(entries.map(({ sessionId }) => sessionId))).toEqual(new Set(['s-1']));
    const [asked, answered] = reportsOf(entries, 'report-message');
    expect(asked?.message).toMatchObject({
      role: 'user',
      source: 'agent',
      participantId: 'claude',
    });
    expect(answered?.message).toMatchObject({ role: 'assistant', participantId: 'subagent:f00' });
  });

  it('keeps rows that have no place of their own', async () => {
    const entries = await read(
      { type: 'file-history-snapshot', messageId: 'x', snapshot: { a: 1 } },
      user('u1', 'Hi'),
      { ...base, type: 'system', subtype: 'info', uuid: 'y', content: 'Compacted' },
      { type: 'summary', summary: 'A greeting', leafUuid: 'u1' },
    );
    expect(reportsOf(entries, 'report-note').map(({ note }) => note)).toEqual([
      {
        kind: 'claude-code file-history-snapshot',
        extra: { type: 'file-history-snapshot', messageId: 'x', snapshot: { a: 1 } },
      },
    ]);
    expect(reportsOf(entries, 'report-name').map(({ name }) => name)).toEqual(['A greeting']);
    const system = reportsOf(entries, 'report-message').at(-1);
    expect(system?.message).toMatchObject({ role: 'system', content: 'Compacted' });
  });

  it('has the same entries for the same rows when more follow', async () => {
    const rows = [
      { type: 'summary', summary: 'Before', leafUuid: 'q' },
      user('u1', 'Hi'),
      assistant('a1', 'm1', [text('Hello')], { input_tokens: 1, output_tokens: 1 }),
      assistant('a2', 'm1', [text('there')], { input_tokens: 1, output_tokens: 9 }),
      user('u1', 'Hi again'),
      { ...user('u2', 'no id'), uuid: undefined },
    ];
    const whole = await read(...rows);
    for (let count = 2; count <= rows.length; count += 1) {
      const part = await read(...rows.slice(0, count));
      expect(whole.slice(0, part.length)).toEqual(part);
    }
  });
});
