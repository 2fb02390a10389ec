import { describeWithSamples, dataFile } from '../support/samples.ts';
import { entriesOf, reportsOf } from '../support/imported.ts';
import { readingOf } from '../support/imports.ts';

/* The real files in `../shared/data`; what they hold is counted here once more, in other ways. */

interface Row {
  readonly type?: string;
  readonly uuid?: string;
  readonly message?: { content?: unknown; usage?: Record<string, number>; id?: string };
}

const rowsOf = (name: string): (Row | null)[] =>
  dataFile(name)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(line) as Row;
      } catch {
        return null;
      }
    });

const blocks = (row: Row | null): { type?: string; id?: string; tool_use_id?: string }[] =>
  Array.isArray(row?.message?.content) ? (row.message.content as { type?: string }[]) : [];

describeWithSamples('recorded files', () => {
  it.each(['representative_messages', 'edge_cases', 'todowrite_examples'])(
    'of Claude Code: %s',
    async (name) => {
      const rows = rowsOf(`claude-code/${name}.jsonl`);
      const reading = await readingOf(dataFile(`claude-code/${name}.jsonl`), { name });
      expect(reading.format).toBe('Claude Code transcript');
      const entries = entriesOf(reading.read);
      const calls = rows.flatMap(blocks).filter(({ type }) => type === 'tool_use');
      expect(
        new Set(reportsOf(entries, 'report-tool-call').map(({ call }) => call.callId)),
      ).toEqual(new Set(calls.map(({ id }) => id)));
      const results = rows.flatMap(blocks).filter(({ type }) => type === 'tool_result');
      const finished = reportsOf(entries, 'report-tool-result').map(({ finish }) => finish.callId);
      expect(new Set(finished)).toEqual(new Set(results.map(({ tool_use_id: id }) => id)));
      // Tokens by the last row of each message: its counters hold those of the rows before.
      const last = new Map<unknown, number>();
      for (const row of rows) {
        const { usage, id } = row?.message ?? {};
        if (!usage) continue;
        const counts = Object.entries(usage).filter(([field]) => field.endsWith('_tokens'));
        last.set(
          id,
          counts.reduce((sum, [, count]) => sum + count, 0),
        );
      }
      const tokens = reportsOf(entries, 'report-message').map(({ message }) => message.tokens ?? 0);
      expect(tokens.reduce((sum, count) => sum + count, 0)).toBe(
        [...last.values()].reduce((sum, count) => sum + count, 0),
      );
      // Every row is there: as what it says, or as a line that could not be read.
      const ofRow = new Set(reading.lines);
      expect(ofRow.size).toBe(rows.length);
    },
  );

  it('of AgentPipe: events, and what --json prints', async () => {
    for (const name of ['agentpipe-events-local.jsonl', 'agentpipe-json-mode.jsonl']) {
      const rows = rowsOf(name);
      const reading = await readingOf(dataFile(name));
      expect(reading.format).toBe('AgentPipe events');
      const entries = entriesOf(reading.read);
      expect(entries).toHaveLength(rows.length);
      const count = (type: string) => rows.filter((row) => row?.type === type).length;
      expect(reportsOf(entries, 'report-message')).toHaveLength(count('message.created'));
      expect(reportsOf(entries, 'report-end')).toHaveLength(count('conversation.completed'));
      expect(reportsOf(entries, 'report-note')).toHaveLength(
        count('log.entry') + count('bridge.connected'),
      );
    }
  });

  it('of AgentPipe: a chat log', async () => {
    const text = dataFile('agentpipe-chat.log');
    const entries = entriesOf((await readingOf(text)).read);
    const messages = reportsOf(entries, 'report-message').map(({ message }) => message);
    expect(messages).toHaveLength([...text.matchAll(/^\[\d\d:\d\d:\d\d\] /gm)].length);
    expect(messages[4]?.content).toMatch(/with\ttab\.\nSecond line\.$/);
    expect(messages[3]).toMatchObject({ role: 'system', agentName: 'HOST' });
    expect(entries.map(({ occurredAt }) => occurredAt)).toEqual(
      entries.map(({ occurredAt }) => occurredAt).toSorted(),
    );
  });

  it('of AgentPipe: a state file', async () => {
    const text = dataFile('agentpipe-state.json');
    const state = JSON.parse(text) as {
      messages: { Content: string; Metrics: { TotalTokens: number; Cost: number } | null }[];
    };
    const entries = entriesOf((await readingOf(text)).read);
    const messages = reportsOf(entries, 'report-message').map(({ message }) => message);
    expect(messages.map(({ content }) => content)).toEqual(
      state.messages.map(({ Content }) => Content),
    );
    expect(messages.map(({ tokens }) => tokens)).toEqual(
      state.messages.map(({ Metrics }) => Metrics?.TotalTokens),
    );
    expect(messages.map(({ costNano }) => costNano)).toEqual(
      state.messages
        .map(({ Metrics }) => Metrics && Math.round(Metrics.Cost * 1e9))
        .map((cost) => cost ?? undefined),
    );
  });
});
