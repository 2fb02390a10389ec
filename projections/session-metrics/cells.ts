import { asKnown, happenedAt, type KnownSessionEvent, type SessionEvent } from '@playhead/contract';

/**
 * What a session used on one day (UTC), by one type of agent with one model. All numbers are
 * integers, so that sums do not depend on any order.
 */
export interface Cell {
  readonly day: string;
  /** Null for what no agent wrote, or one whose type its producer did not say. */
  readonly agentType: string | null;
  readonly model: string | null;
  /** 0: an agent has only joined. */
  readonly messages: number;
  readonly tokens: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  readonly costNano: number;
  /** Each message's own duration is rounded to whole milliseconds. */
  readonly durationMs: number;
}

/** The counts of a cell, under the names of its properties. */
export const cellSums = [
  ...(['messages', 'tokens', 'inputTokens', 'outputTokens'] as const),
  ...([
    'cacheReadTokens',
    'cacheWriteTokens',
    'reasoningTokens',
    'costNano',
    'durationMs',
  ] as const),
] satisfies readonly (keyof Cell)[];

type Counts = Pick<Cell, (typeof cellSums)[number]>;

/** Cells of one session, beyond which agent type and model of a new one are left out. */
export const CELLS_MAX = 1_000;

/** Characters of an agent type or a model that make it another one. */
const LABEL_LENGTH_MAX = 200;

/** What an event adds, and to which cell. */
interface Addition extends Counts {
  readonly agentType: string | undefined;
  readonly model: string | undefined;
}

const NOTHING: Counts = {
  messages: 0,
  tokens: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  costNano: 0,
  durationMs: 0,
};

/** The cells after one more event; the same ones when it adds nothing. */
export function evolveCells(cells: readonly Cell[], event: SessionEvent): readonly Cell[] {
  const known = asKnown(event);
  const addition = known && additionOf(known);
  if (!addition) return cells;
  const day = happenedAt(event.meta).slice(0, 10);
  const [agentType, model] = [labelOf(addition.agentType), labelOf(addition.model)];
  let nth = indexOf(cells, { day, agentType, model });
  if (nth >= 0) return cells.with(nth, sum(cells[nth] as Cell, addition));
  if (cells.length < CELLS_MAX)
    return [...cells, sum({ day, agentType, model, ...NOTHING }, addition)];
  const rest = { day, agentType: null, model: null };
  nth = indexOf(cells, rest);
  return nth >= 0
    ? cells.with(nth, sum(cells[nth] as Cell, addition))
    : [...cells, sum({ ...rest, ...NOTHING }, addition)];
}

/** As `evolveSession` counts: a message when it begins, what it used when it is complete. */
function additionOf(event: KnownSessionEvent): Addition | undefined {
  if (event.type === 'message.posted') return { ...used(event), messages: 1 };
  if (event.type === 'message.completed') return used(event);
  if (event.type !== 'message.started' && event.type !== 'participant.joined') return undefined;
  const { agentType, model } = event.data;
  const isMessage = event.type === 'message.started';
  if (!isMessage && agentType === undefined && model === undefined) return undefined;
  return { ...NOTHING, agentType, model, messages: isMessage ? 1 : 0 };
}

type Complete = Extract<KnownSessionEvent, { type: 'message.posted' | 'message.completed' }>;

const used = ({ data }: Complete): Addition => ({
  agentType: data.agentType,
  model: data.model,
  messages: 0,
  tokens: data.tokens ?? 0,
  inputTokens: data.usage?.input ?? 0,
  outputTokens: data.usage?.output ?? 0,
  cacheReadTokens: data.usage?.cacheRead ?? 0,
  cacheWriteTokens: data.usage?.cacheWrite ?? 0,
  reasoningTokens: data.usage?.reasoning ?? 0,
  costNano: data.costNano ?? 0,
  durationMs: Math.round(data.durationMs ?? 0),
});

/** A text of an index must not be too long. */
const labelOf = (text: string | undefined): string | null =>
  text === undefined || text === ''
    ? null
    : // No text may end with half a character.
      text.slice(0, LABEL_LENGTH_MAX).replace(/[\uD800-\uDBFF]$/, '');

const indexOf = (
  cells: readonly Cell[],
  { day, agentType, model }: Pick<Cell, 'day' | 'agentType' | 'model'>,
): number =>
  cells.findLastIndex(
    (cell) => cell.day === day && cell.agentType === agentType && cell.model === model,
  );

const sum = (cell: Cell, addition: Counts): Cell => ({
  day: cell.day,
  agentType: cell.agentType,
  model: cell.model,
  messages: cell.messages + addition.messages,
  tokens: cell.tokens + addition.tokens,
  inputTokens: cell.inputTokens + addition.inputTokens,
  outputTokens: cell.outputTokens + addition.outputTokens,
  cacheReadTokens: cell.cacheReadTokens + addition.cacheReadTokens,
  cacheWriteTokens: cell.cacheWriteTokens + addition.cacheWriteTokens,
  reasoningTokens: cell.reasoningTokens + addition.reasoningTokens,
  costNano: cell.costNano + addition.costNano,
  durationMs: cell.durationMs + addition.durationMs,
});
