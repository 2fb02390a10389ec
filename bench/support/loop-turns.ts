import type { Profiler } from 'node:inspector';
import type { Figure } from './bench.ts';
import type { LoopRecord } from './loop-recorder.ts';
import { quantile } from './quantile.ts';

/** Turns from here on are long: a frame that waits for one is late. */
const LONG_MS = 10;
const LONGEST = 5;
const CAUSES = 6;

/** What of the service a sample can belong to; what is none of these is `other`. */
const parts = [
  ...['gc', 'native', 'projecting', 'projections', 'live', 'gateway', 'log', 'commands', 'http'],
  ...['pg', 'socket.io', 'other'],
] as const;
type Part = (typeof parts)[number];

/** A stretch of time, in microseconds. */
export interface Stretch {
  readonly from: number;
  readonly until: number;
}

interface Sample {
  readonly at: number;
  readonly us: number;
  readonly part: Part;
  /** The part, and the function that was running. */
  readonly cause: string;
}

/** The turns of the service's event loop within a stretch of time. */
export interface LoopTurns {
  readonly figures: Figure[];
  /** A line for each of the longest, with what ran in it. */
  readonly longest: string[];
}

/** What a record says of a stretch of time. */
export function loopTurns({ ticks, profile }: LoopRecord, { from, until }: Stretch): LoopTurns {
  const turns = ticks.slice(1).flatMap((end, nth): Stretch[] => {
    const begin = ticks[nth] ?? end;
    return begin >= from && end <= until ? [{ from: begin, until: end }] : [];
  });
  const samples = samplesOf(profile);
  const within = (turn: Stretch): Sample[] =>
    samples.filter(({ at }) => at > turn.from && at <= turn.until);
  const lengths = turns.map((turn) => (turn.until - turn.from) / 1_000);
  const long = turns.filter((turn) => turn.until - turn.from >= LONG_MS * 1_000).map(within);
  const seconds = (until - from) / 1e6;
  const shares = sums(long.flat(), ({ part }) => part);
  const longest = [...turns]
    .sort((a, b) => b.until - b.from - (a.until - a.from))
    .slice(0, LONGEST)
    .map((turn) => {
      const causes = [...sums(within(turn), ({ cause }) => cause)].sort((a, b) => b[1] - a[1]);
      const named = causes.slice(0, CAUSES).map(([cause, us]) => `${inMs(us)} ${cause}`);
      return `${inMs(turn.until - turn.from)} ms: ${named.join(', ')}`;
    });
  return {
    figures: [
      ...[0.5, 0.99, 0.999].map((q) => ({
        ...{ name: `loop.p${100 * q}`, value: quantile(lengths, q), unit: 'ms a turn' },
      })),
      { name: 'loop.max', value: Math.max(...lengths), unit: 'ms a turn' },
      { name: 'loop.long', value: long.length / seconds, unit: `turns/s of over ${LONG_MS} ms` },
      ...parts.map((part) => ({
        ...{ name: `loop.long.${part}`, value: (shares.get(part) ?? 0) / 1_000 / seconds },
        unit: 'ms/s in such turns',
      })),
    ],
    longest,
  };
}

const inMs = (us: number): string => (us / 1_000).toFixed(1);

function sums<Key>(samples: readonly Sample[], keyOf: (sample: Sample) => Key): Map<Key, number> {
  const sum = new Map<Key, number>();
  for (const one of samples) sum.set(keyOf(one), (sum.get(keyOf(one)) ?? 0) + one.us);
  return sum;
}

function samplesOf(profile: Profiler.Profile): Sample[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  /** The function that ran, then who called it, and so on. */
  const stackOf = (id: number | undefined): Profiler.ProfileNode[] => {
    const node = id === undefined ? undefined : nodes.get(id);
    return node ? [node, ...stackOf(parents.get(node.id))] : [];
  };
  const described = new Map(profile.nodes.map(({ id }) => [id, describe(stackOf(id))] as const));
  let at = profile.startTime;
  return (profile.samples ?? []).flatMap((id, nth): Sample[] => {
    at += profile.timeDeltas?.[nth] ?? 0;
    // A sample stands for the time until the next.
    const us = profile.timeDeltas?.[nth + 1] ?? 0;
    const about = described.get(id);
    return about ? [{ at, us, ...about }] : [];
  });
}

/** Undefined for a loop that waits. */
function describe(
  stack: readonly Profiler.ProfileNode[],
): { part: Part; cause: string } | undefined {
  const leaf = stack[0]?.callFrame;
  if (!leaf || leaf.functionName === '(idle)') return undefined;
  if (leaf.functionName === '(garbage collector)') return { part: 'gc', cause: 'gc' };
  if (leaf.functionName === '(program)') return { part: 'native', cause: 'native' };
  const files = stack.map(({ callFrame: { url } }) => url);
  // The outermost file of the service says for whom it is done; else a library's.
  const own = files.findLast((url) => /\/dist\/(src|projections)\//.test(url));
  const [, name] = /\/dist\/(?:src\/)?([^/]+)/.exec(own ?? '') ?? [];
  const library = files.find((url) => /node_modules\/(pg|ws|engine|socket)/.test(url)) ?? '';
  const of = name ?? (/node_modules\/pg/.test(library) ? 'pg' : library && 'socket.io');
  const part = parts.find((one) => one === of) ?? 'other';
  return { part, cause: `${part}>${leaf.functionName || '(anonymous)'}` };
}
