import { countIn, rowOf } from '../import-format.ts';
import type { ImportedUsage } from '../imported-entry.ts';

/** Messages whose counters are remembered; the rows of one stand near each other. */
const MESSAGES_MAX = 1_000;

const FIELDS = {
  input: 'input_tokens',
  output: 'output_tokens',
  cacheRead: 'cache_read_input_tokens',
  cacheWrite: 'cache_creation_input_tokens',
} as const;
type Field = keyof typeof FIELDS;

/**
 * Tokens of messages that come in several rows, each with the counters so far: a row has what it
 * adds, so that the sum over the rows is the last of the counters however many rows there are.
 */
export class TurnUsage {
  readonly #seen = new Map<string, Map<Field, number>>();

  /** What one row adds; undefined when it says nothing new. */
  turn(messageId: unknown, counters: unknown): ImportedUsage | undefined {
    const row = rowOf(counters);
    if (!row) return undefined;
    const before = typeof messageId === 'string' ? this.#of(messageId) : new Map<Field, number>();
    const isFirst = before.size === 0;
    const added: { [Name in Field]?: number } = {};
    for (const [field, name] of Object.entries(FIELDS) as [Field, string][]) {
      const count = countIn(row[name]);
      if (count === undefined) continue;
      const more = Math.max(0, count - (before.get(field) ?? 0));
      before.set(field, Math.max(count, before.get(field) ?? 0));
      added[field] = more;
    }
    const hasMore = Object.values(added).some((count) => count > 0);
    return hasMore || (isFirst && before.size > 0) ? added : undefined;
  }

  #of(messageId: string): Map<Field, number> {
    const held = this.#seen.get(messageId);
    if (held) return held;
    const fresh = new Map<Field, number>();
    this.#seen.set(messageId, fresh);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MESSAGES_MAX && oldest !== undefined) this.#seen.delete(oldest);
    return fresh;
  }
}
