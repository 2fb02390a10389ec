import fc from 'fast-check';
import { UnknownFormat } from '../../src/importing/read-file.ts';
import { entriesOf } from '../support/imported.ts';
import { bounds, jsonLines, readingOf } from '../support/imports.ts';

const row = (uuid: string, content: string) => ({
  ...{ type: 'user', uuid, sessionId: 's-1', timestamp: '2026-01-01T00:00:00Z' },
  message: { role: 'user', content },
});

const messages = (entries: ReturnType<typeof entriesOf>): string[] =>
  entries.flatMap(({ report }) =>
    report.type === 'report-message' ? [report.message.content] : [],
  );

describe('a file as it arrives', () => {
  it('is read alike however it is cut into pieces', async () => {
    const file = `\u{FEFF}${jsonLines(row('a', 'naïve 🎉'), '', row('b', '東京'))}`;
    const whole = await readingOf(file);
    expect(messages(entriesOf(whole.read))).toEqual(['naïve 🎉', '東京']);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (cuts) => {
          expect(await readingOf(file, { lengths: cuts })).toEqual(whole);
        },
      ),
    );
  });

  it('may end its lines as Windows does, or not at all', async () => {
    const lines = [row('a', 'one'), row('b', 'two')].map((line) => JSON.stringify(line));
    const whole = entriesOf((await readingOf(`${lines.join('\n')}\n`)).read);
    // A row is known by its text: the end of its line is none of it.
    expect(entriesOf((await readingOf(lines.join('\r\n'))).read)).toEqual(whole);
  });

  it('goes on after lines that are torn, no JSON, no UTF-8 or too long', async () => {
    const file = Buffer.concat([
      Buffer.from(jsonLines(row('a', 'one'), '{"type":"us')),
      Buffer.from([0x22, 0xff, 0x22, 0x0a]),
      Buffer.from(jsonLines(row('long', 'x'.repeat(bounds.lineBytesMax)), row('b', 'two'))),
      Buffer.from('{"type":"user","uuid":"c"'),
    ]);
    const { read, lines } = await readingOf(file);
    const faults = read.flatMap((one, nth) =>
      'unreadable' in one ? [`${lines[nth]} ${one.unreadable}`] : [],
    );
    expect(faults).toEqual([
      expect.stringMatching(/^2 not JSON: /),
      '3 not UTF-8',
      expect.stringMatching(/^4 \d+ bytes are more than the 1000000 of a line$/),
      expect.stringMatching(/^6 not JSON: /),
    ]);
    expect(messages(entriesOf(read))).toEqual(['one', 'two']);
  });

  it.each([
    ['nothing', '', 'it is empty'],
    ['blank lines', '\n \n', 'its lines are empty'],
    ['a photo', Buffer.from([0xff, 0xd8, 0xff, 0xe0]), 'no text'],
    ['prose', 'Dear Sir or Madam\nI write', 'it begins with "Dear Sir or Madam"'],
    ['another JSON', '{"weather":"fine","degrees":3}', 'JSON with the fields weather, degrees'],
    ['a list of others', '[{"weather":"fine"}]', 'a list of JSON with the fields weather'],
    ['other lines', '{"a":1}\n{"a":2}\n', 'JSON with the fields a'],
    ['a number', '42', 'it begins with "42"'],
    ['broken JSON', '{\n "a": [', 'it begins with "{"'],
  ])('is refused when it is %s, with what was seen', async (_what, content, seen) => {
    const refusal = readingOf(content);
    await expect(refusal).rejects.toThrow(UnknownFormat);
    await expect(refusal).rejects.toThrow(seen);
  });

  it('is read by lines when its first line alone could be a document', async () => {
    const list = (text: string) => ({
      messages: [{ role: 'user', content: text.repeat(600_000) }],
    });
    const { format, read } = await readingOf(jsonLines(list('a'), list('b'), list('c')));
    expect(format).toBe('message list (JSON lines)');
    expect(messages(entriesOf(read)).map((content) => content[0])).toEqual(['a', 'b', 'c']);
  });

  it('is recognised behind broken lines', async () => {
    const broken = Array.from({ length: 90 }, (_, nth) => `broken ${nth}`);
    const { format, read } = await readingOf(jsonLines(...broken, row('a', 'one')));
    expect(format).toBe('Claude Code transcript');
    expect(messages(entriesOf(read))).toEqual(['one']);
  });
});
