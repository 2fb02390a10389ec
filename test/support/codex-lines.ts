import { codex } from '../../src/importing/formats/codex.ts';
import type { Imported } from '../../src/importing/imported-entry.ts';
import { messagesOf, readLines } from './imported.ts';

/** The session of the rollouts in tests. */
export const ID = '01990000-0000-7000-8000-000000000001';

let clock = Date.parse('2026-01-02T03:04:05.000Z');

/** A line in its envelope, each a second after the one before. */
export const line = (type: string, payload: object) => {
  clock += 1_000;
  return { timestamp: new Date(clock).toISOString(), type, payload };
};
/** What the model was sent or has answered. */
export const item = (payload: object) => line('response_item', payload);
/** What was shown. */
export const event = (payload: object) => line('event_msg', payload);
/** A message as an item. */
export const said = (role: string, text: string) =>
  item({
    type: 'message',
    role,
    content: [{ type: role === 'user' ? 'input_text' : 'output_text', text }],
  });

/** A count of tokens. */
export const tokens = (input: number, cached: number, output: number, reasoning: number) => ({
  input_tokens: input,
  cached_input_tokens: cached,
  output_tokens: output,
  reasoning_output_tokens: reasoning,
  total_tokens: input + output,
});
/** The counter, and what the last answer took. */
export const counted = (total: object, last?: object) =>
  event({
    type: 'token_count',
    info: {
      total_token_usage: total,
      ...(last && { last_token_usage: last }),
      model_context_window: 9,
    },
    rate_limits: { primary: { used_percent: clock % 7 } },
  });

/** Everything that is read of lines, the end included. */
export const readTexts = (
  lines: readonly string[],
  name = `rollout-2026-01-02T03-04-05-${ID}.jsonl`,
): Imported[] => {
  const { read, end } = readLines(codex, lines, name);
  return [...read, ...end];
};

/** The same of values. */
export const readRollout = (lines: readonly unknown[], name?: string): Imported[] =>
  readTexts(
    lines.map((one) => JSON.stringify(one)),
    name,
  );

/** The sums of what messages say that they took. */
export const sums = (all: readonly Imported[]) => {
  const sum = (numbers: readonly (number | undefined)[]) =>
    numbers.reduce<number>((total, one) => total + (one ?? 0), 0);
  const posted = messagesOf(all);
  return {
    tokens: sum(posted.map((one) => one.tokens)),
    input: sum(posted.map((one) => one.usage?.input)),
    output: sum(posted.map((one) => one.usage?.output)),
  };
};
