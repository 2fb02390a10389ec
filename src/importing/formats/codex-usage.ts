import type { ImportedUsage } from '../imported-entry.ts';
import { rowOf, type Row } from '../import-format.ts';
import { extraOf, leftOf, rest, tokensIn } from '../row-fields.ts';
import { without } from '../usage-fields.ts';

/** What one answer of the model took. */
export interface CodexTurn {
  readonly usage: ImportedUsage;
  readonly tokens: number | undefined;
  readonly extra: Row | undefined;
}

const FIELDS = [
  ...['input_tokens', 'cached_input_tokens', 'cache_write_input_tokens', 'output_tokens'],
  ...['reasoning_output_tokens', 'total_tokens'],
];

const sameText = (row: Row | undefined): string =>
  JSON.stringify(FIELDS.map((name) => row?.[name] ?? null));

/** What `total` has more than `before`. */
const growth = (total: Row, before: Row | undefined): Row =>
  Object.fromEntries(
    FIELDS.flatMap((name) => {
      const now = tokensIn(total[name]);
      const then = tokensIn(before?.[name]) ?? 0;
      return now === undefined ? [] : [[name, now >= then ? now - then : now]];
    }),
  );

/**
 * The token counts of a rollout. Each holds the session's total so far beside the last answer's own
 * count, and is written again whenever limits are shown: a total that has not grown is a repeat.
 */
export class CodexUsage {
  #total: Row | undefined;
  #last: string | undefined;

  /** The answer that a count is of; `undefined` for a repeat and for one that counts nothing. */
  turn(payload: Row): CodexTurn | undefined {
    const info = rowOf(payload.info) ?? {};
    const total = rowOf(info.total_token_usage);
    const last = rowOf(info.last_token_usage);
    const same = sameText(total ?? last);
    const isRepeat = same === this.#last;
    const counted = last && tokensIn(last.input_tokens) !== undefined ? last : undefined;
    const own = counted ?? (total ? growth(total, this.#total) : undefined);
    this.#remember(total, last);
    if (isRepeat || !own) return undefined;
    const input = tokensIn(own.input_tokens);
    const [read, write] = [
      tokensIn(own.cached_input_tokens),
      tokensIn(own.cache_write_input_tokens),
    ];
    if (input === undefined && tokensIn(own.output_tokens) === undefined) return undefined;
    return {
      usage: {
        input: without(input, read, write),
        output: tokensIn(own.output_tokens),
        cacheRead: read,
        cacheWrite: write,
        reasoning: tokensIn(own.reasoning_output_tokens),
      },
      tokens: tokensIn(own.total_tokens),
      extra: extraOf({
        ...rest(payload, 'type', 'info'),
        ...leftOf(info, { last_token_usage: last }),
        ...rest({ last: rest(last ?? {}, ...FIELDS) }),
      }),
    };
  }

  /** A count of somebody else's answers, from which the totals go on. */
  skip(payload: Row): void {
    const info = rowOf(payload.info) ?? {};
    this.#remember(rowOf(info.total_token_usage), rowOf(info.last_token_usage));
  }

  #remember(total: Row | undefined, last: Row | undefined): void {
    if (!total && !last) return;
    this.#total = total ?? this.#total;
    this.#last = sameText(total ?? last);
  }
}
